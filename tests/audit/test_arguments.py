"""Arguments that say what runs: those that the list knows pass, all others are found wherever they stand."""

import pytest

from mammoseg.audit.arguments import find_faults_in_argument, find_faults_in_component


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reader", None),
        ("reader", "ITKReader"),
        ("reader", "itkreader"),
        ("reader", "monai.data.NumpyReader"),
        ("reader", ["PydicomReader", {"_target_": "monai.data.PILReader"}]),
        ("writer", "NibabelWriter"),
        ("merger_cls", "AvgMerger"),
        ("load::reader", "PILReader"),
        ("load::reader::_target_", "PILReader"),
        ("load::reader::0", "PILReader"),
        ("allow_pickle", False),
        ("weights_only", True),
        ("compile_kwargs", {}),
        ("readers", "os.system"),
    ],
)
def test_a_known_class_passes(key, value):
    assert list(find_faults_in_argument(key.split("::"), value)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reader", "os.system"),
        ("reader", "open"),
        ("reader", "antigravity"),
        ("reader", "load_net_with_metadata"),
        ("reader", "monai.data.load_net_with_metadata"),
        ("reader", "$'os.' + 'system'"),
        ("reader", "@name"),
        ("reader", "%name"),
        ("reader", ["PILReader", "open"]),
        ("reader", [["PILReader"]]),
        ("reader", {"open": 1}),
        ("reader", {"open"}),
        ("reader", {"_target_": "os.path.join", "a": "open"}),
        ("writer", "os.system"),
        ("merger_cls", "os.system"),
        ("load::reader", "open"),
        ("load::reader::0", "open"),
        ("load::reader::open", 1),
        ("load::reader::_target_", "os.path.join"),
        ("allow_pickle", True),
        ("allow_pickle", 0),
        ("weights_only", False),
        ("weights_only", "@no"),
        ("pickle_module", "pickle"),
        ("init_method", "tcp://203.0.113.1:29500"),
        ("compile_kwargs", {"options": {"cpp.cxx": "sh"}}),
        ("train::compile_kwargs::options", {"cpp.cxx": "sh"}),
        ("load::_mode_", "callable"),
        ("load::_target_", "LoadImage"),
    ],
)
def test_what_is_not_known_is_found(key, value):
    assert len(list(find_faults_in_argument(key.split("::"), value))) == 1


@pytest.mark.parametrize(
    ("component", "merged", "faults"),
    [
        ({"_target_": "UNet", "_mode_": "callable"}, True, []),
        ({"_target_": "LoadImaged", "keys": "image"}, False, []),
        (
            {"_target_": "LoadImaged", "_mode_": "callable"},
            False,
            ["is not made at once, but left to whoever calls it"],
        ),
        ({"_target_": "UNet", "_mode_": "$'debug'"}, False, ["is not made at once, but left to whoever calls it"]),
        ({"_mode_": "callable"}, False, ["is not made at once, but left to whoever calls it"]),
        ({"_target_": "LoadImage"}, True, ["makes LoadImage of arguments that stand elsewhere"]),
    ],
)
def test_what_takes_names_is_made_at_once_and_where_it_stands(component, merged, faults):
    assert list(find_faults_in_component(component, merged=merged)) == faults
