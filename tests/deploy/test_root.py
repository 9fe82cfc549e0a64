"""The root of an exported bundle is found on the search path."""

import pytest

from mammoseg.deploy.manifest import write_manifest
from mammoseg.deploy.root import locate_export
from mammoseg.errors import WrongCallError


@pytest.fixture
def exports(tmp_path, monkeypatch):
    for place, name in (("a", "unet"), ("b", "aunet"), ("c", "unet")):
        (tmp_path / place).mkdir()
        write_manifest(tmp_path / place, name=name)
    monkeypatch.setattr("sys.path", [str(tmp_path), *(str(tmp_path / place) for place in "abc")])
    return tmp_path


def test_the_root_is_the_first_export_of_that_name_on_the_search_path(exports):
    assert locate_export("unet") == str(exports / "a")
    assert locate_export("aunet") == str(exports / "b")


def test_an_empty_entry_of_the_path_means_the_working_directory(exports, monkeypatch):
    monkeypatch.chdir(exports / "c")
    monkeypatch.setattr("sys.path", [""])
    assert locate_export("unet") == str(exports / "c")


def test_without_one_on_the_path_the_way_out_is_named(exports):
    with pytest.raises(WrongCallError, match="no exported bundle 'fusionnet' .* set PYTHONPATH"):
        locate_export("fusionnet")
