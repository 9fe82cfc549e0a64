"""An ONNX file is used under what is recorded beside it, or not at all."""

import dataclasses
import json
from pathlib import Path

import pytest

from mammoseg.checkpoints.converted_file import (
    LOGITS,
    PROBABILITY,
    find_kept_network,
    locate_record,
    read_converted_file,
    write_record,
)
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.checkpoints.weights_file import WeightsError

EMPTY = b":\0"
"""A network of no operators, as ONNX writes it."""

RECORD = WeightsRecord(
    architecture="SmpUNet with decoder unet",
    network={"architecture": "SmpUNet", "in_channels": 3, "out_channels": 1, "channels": [4, 8]},
    preprocessing={
        "spatial_size": [32, 16],
        "channels": 3,
        "aspect": "stretch",
        "crop_border": True,
        "crop_to_breast": True,
        "orient_left": True,
        "remove_background": True,
        "clahe_clip_limit": None,
        "intensity": "unit",
        "crop_negligible": False,
        "patch_area": None,
        "voi": "first",
        "modalities": ["MG"],
        "keys": ["image", "label"],
    },
    provenance={"source": "phantom", "versions": {"torch": "2.13.0"}},
    sha256="ab" * 32,
    path=Path("elsewhere.pt"),
    threshold=0.35,
    calibration={"scale": 0.5, "offset": -1.0, "fitted_on": "phantoms"},
    flips=True,
    min_area_mm2=10.0,
    bf16={"dice_change": 0.0021, "measured_on": "phantoms"},
)


def test_a_quantised_network_is_not_taken_for_the_network_of_its_weights(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(EMPTY)
    for precision, is_that in (("f32", True), ("int8", False)):
        write_record(path, RECORD, output=LOGITS, precision=precision)
        assert read_converted_file(path).precision == precision
        assert (find_kept_network(path, RECORD.sha256) is not None) is is_that


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "network.onnx"
    path.write_bytes(EMPTY)
    write_record(path, RECORD, output=LOGITS)
    return path


def change(model: Path, part: str | None, **values) -> None:
    content = json.loads(locate_record(model).read_text())
    (content if part is None else content["record"] if part == "record" else content["record"][part]).update(values)
    locate_record(model).write_text(json.dumps(content))


def test_a_record_comes_back_as_it_was_with_the_path_of_the_onnx_file(model):
    found = read_converted_file(model)
    assert found.record == dataclasses.replace(RECORD, path=model) and found.output == LOGITS
    write_record(model, RECORD, output=PROBABILITY)
    assert read_converted_file(model).output == PROBABILITY


def test_a_record_from_before_patches_is_one_of_whole_films(model):
    younger = ("crop_negligible", "patch_area")
    older = {name: value for name, value in RECORD.preprocessing.items() if name not in younger}
    write_record(model, dataclasses.replace(RECORD, preprocessing=older), output=LOGITS)
    assert read_converted_file(model).record.preprocessing == RECORD.preprocessing


def test_the_record_of_a_network_that_takes_prompts_comes_back(model):
    settings = {"spatial_size": [128, 128], "channels": 5, "frame": [3, 3]}
    write_record(model, dataclasses.replace(RECORD, preprocessing=settings), output=LOGITS)
    assert read_converted_file(model).record.preprocessing == settings
    write_record(model, dataclasses.replace(RECORD, preprocessing=settings | {"frame": ["a", "b"]}), output=LOGITS)
    with pytest.raises(WeightsError, match="records no fit value for 'frame'"):
        read_converted_file(model)


def test_without_its_record_a_network_is_not_used(model):
    locate_record(model).unlink()
    with pytest.raises(WeightsError, match="network.onnx.json beside .* cannot be read, .* copy both files"):
        read_converted_file(model)


def test_another_network_under_the_same_name_is_not_used(model):
    model.write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"network.onnx.json is of another file than .*; export it again"):
        read_converted_file(model)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (EMPTY + b"\x0b", "is no ONNX model"),
        (b":\x0a\x0a\x08:\x06theirs", "needs operators of 'theirs', which are code of a stranger"),
        (b":\x0e*\x0cj\x0a\x0a\x08location", "reads its numbers from another file, ''"),
    ],
)
def test_a_network_that_needs_more_than_itself_is_not_used(content, reason, model):
    model.write_bytes(content)
    write_record(model, RECORD, output=LOGITS)
    with pytest.raises(WeightsError, match=f"network.onnx is not used: it {reason}"):
        read_converted_file(model)


def test_a_network_of_more_than_2_gb_is_not_used(model, monkeypatch):
    with model.open("wb") as file:
        file.truncate(2**31 + 1)  # takes no room on the disk
    monkeypatch.setattr("mammoseg.checkpoints.converted_file.hash_file", lambda path: "0" * 64)  # takes its time
    write_record(model, RECORD, output=LOGITS)
    with pytest.raises(WeightsError, match="it has more than 2,147,483,648 bytes"):
        read_converted_file(model)


@pytest.mark.parametrize(
    ("part", "values", "sentence"),
    [
        ("record", {"threshold": 2.0}, "records a threshold that is no number between 0 and 1"),
        ("record", {"flips": "yes"}, "records flips that are neither true nor false"),
        ("record", {"provenance": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "has a provenance that is more than"),
        ("record", {"sha256": "../x"}, "records a network without channels, or no hash of its weights"),
        ("record", {"sha256": 7}, "records what no network has"),
        ("record", {"network": [1]}, "records what no network has"),
        ("network", {"in_channels": "3"}, "records a network without channels"),
        ("network", {"members": "ab"}, "records a mean of what are no networks"),
        ("network", {"members": [{"channels": [2]}]}, "records a mean of what are no networks"),
        ("network", {"members": [{"architecture": "UNet", "members": "ab"}]}, "records a mean of what are no networks"),
        ("preprocessing", {"spatial_size": [8000, 8000]}, "has more than 134,217,728 values"),
        ("preprocessing", {"voi": "a::b"}, "records no fit value for 'voi'"),
        ("preprocessing", {"_target_": "os.system"}, "records an unknown setting '_target_'"),
    ],
)
def test_a_record_that_no_checkpoint_could_have_is_refused(part, values, sentence, model):
    change(model, part, **values)
    with pytest.raises(WeightsError, match=f"network.onnx.json is not used: it .*{sentence}"):
        read_converted_file(model)
