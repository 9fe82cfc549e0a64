"""The mean of several weights: of their probabilities on the file's grid, named with all its members."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.checkpoints import checkpoint
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.ensemble_file import EnsembleRecord, write_ensemble
from mammoseg.checkpoints.weights_file import WeightsError, list_named_weights
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.files import hash_file
from mammoseg.inference.ensemble import MeanPredictor, build_mean_algorithm, describe_named_weights, load_predictor
from mammoseg.inference.predictor import Predictor
from tests.label.bright_model import write_bright_weights

ONE = Algorithm(
    "unet", "1.0", "aa", 0.4, weights_file="a.pt", trained_on="cbis_ddsm", warning="Film.", min_area_mm2=5.0
)
OTHER = Algorithm("aunet", "1.1", "bb", 0.5, weights_file="b.pt", trained_on="cbis_ddsm", warning="Film.")


@pytest.fixture
def members(tmp_path) -> list[Path]:
    """Weights that see 64 x 48 and 32 x 32 pixels, and call other greys mass."""
    sizes = {"a": ((64, 48), 0.5), "b": ((32, 32), 0.3)}
    return [
        write_bright_weights(tmp_path / "both" / f"{name}.pt", spatial_size=size, grey=grey)
        for name, (size, grey) in sizes.items()
    ]


@pytest.fixture
def picture(tmp_path) -> Path:
    image = np.zeros((70, 50), np.uint8)
    image[5:65, :40], image[20:40, 10:30], image[45:55, 5:15] = 60, 250, 110
    cv2.imwrite(str(tmp_path / "a.png"), image)
    return tmp_path / "a.png"


def test_the_probability_is_the_mean_of_the_members_on_the_grid_of_the_file(members, picture):
    each = [Predictor("unet", weights=file, device="cpu")(picture).probability for file in members]
    assert np.abs(each[0] - each[1]).max() > 0.5, "they differ"
    mean = load_predictor("unet", weights=members, device="cpu")(picture).probability
    assert mean.dtype == np.float32 and np.allclose(mean, (each[0] + each[1]) / 2, atol=1e-6)


def test_a_folder_stands_for_all_weights_in_it_but_not_for_the_state_of_a_training(members):
    folder = members[0].parent
    for name in ("checkpoint.pt", ".hidden.pt", "notes.json"):
        (folder / name).write_text("no weights")
    assert list_named_weights(folder) == list_named_weights(members) == members
    assert load_predictor("unet", weights=folder, device="cpu").weights_sha256 == "+".join(map(hash_file, members))


def test_one_file_alone_or_in_a_folder_is_no_mean(members):
    members[1].unlink()
    for named in (members[0], str(members[0]), [members[0]], members[0].parent):
        assert isinstance(load_predictor("unet", weights=named, device="cpu"), Predictor)


def test_weights_that_are_not_there_or_come_twice_are_refused(members, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="there are no weights in the folder .*empty; they end in .pt or .safetens"):
        list_named_weights(tmp_path / "empty")
    with pytest.raises(WeightsError, match=r"the weights at .*a\.pt are named twice; a mean takes each once"):
        list_named_weights([members[0], members[0].parent])
    with pytest.raises(WeightsError, match="there are no weights at"):
        list_named_weights([members[0], tmp_path / "nowhere.pt"])


def test_each_file_of_weights_is_read_once(members, monkeypatch):
    read = []
    read_checkpoint = checkpoint.read_checkpoint
    monkeypatch.setattr(checkpoint, "read_checkpoint", lambda path: read.append(path) or read_checkpoint(path))
    load_predictor("unet", weights=members, device="cpu")
    assert read == members


def test_a_member_that_records_its_bundle_is_called_by_it_whatever_the_call_names(members):
    assert load_predictor("aunet", weights=members, device="cpu").algorithm.name == "unet"
    with pytest.raises(WeightsError, match="holds UNet, bundle 'aunet' is AUNet"):
        load_predictor("aunet", weights=members[0], device="cpu")


def test_without_a_record_the_threshold_is_the_mean_and_scores_are_uncalibrated():
    mean = build_mean_algorithm([ONE, OTHER], None)
    assert mean.threshold == pytest.approx(0.45) and mean.calibration is None and mean.min_area_mm2 == 5
    assert (mean.name, mean.version) == ("unet+aunet", "1.0+1.1")
    assert mean.parameters["weights_sha256"] == "aa+bb" and mean.parameters["weights_file"] == "a.pt+b.pt"
    assert (mean.trained_on, mean.warning) == ("cbis_ddsm", "Film.")


def test_names_that_dicom_has_no_room_for_become_a_number():
    mean = build_mean_algorithm([replace(ONE, name=f"network-number-{number}") for number in range(5)], None)
    assert mean.name == "mean of 5 networks"


def test_flips_of_some_members_are_said():
    twice = replace(ONE, flips="up-down")
    assert [build_mean_algorithm(of, None).flips for of in ([ONE, OTHER], [twice, twice], [twice, OTHER])] == [
        None,
        "up-down",
        "up-down of 1 of 2",
    ]


def test_a_record_decides_and_is_held_to_its_members(members):
    folder = members[0].parent
    calibration = {"scale": 0.5, "offset": -1.0, "fitted_on": "discs"}
    record = EnsembleRecord({file.name: hash_file(file) for file in members}, 0.7, calibration, True, 10.0)
    write_ensemble(folder / "ensemble.json", record)
    mean = load_predictor("unet", weights=folder, device="cpu")
    assert isinstance(mean, MeanPredictor) and (mean.threshold, mean.algorithm.min_area_mm2) == (0.7, 10)
    assert mean.algorithm.flips == "up-down" and mean.algorithm.score_kind == "calibrated on discs"
    once = load_predictor("unet", weights=folder, device="cpu", flips=False)
    assert once.algorithm.score_kind == "uncalibrated"  # it was fitted to the mean of two looks
    write_bright_weights(members[1], spatial_size=(32, 32), grey=0.6)
    with pytest.raises(WeightsError, match=r"b\.pt is not the file that its ensemble\.json is about"):
        load_predictor("unet", weights=folder, device="cpu")


BAD_RECORDS = {
    "no members": ({"members": {}}, "does not say which files"),
    "a list": ([], "does not say which files"),
    "a path": ({"members": {"../a.pt": "aa"}}, "does not say which files"),
    "a threshold of 2": ({"threshold": 2.0}, "records a threshold that is no number between 0 and 1"),
    "a scale of 0": ({"calibration": {"scale": 0.0, "offset": 0.0, "fitted_on": ""}}, "a calibration that is no scale"),
    "flips in words": ({"flips": "no"}, "records flips that are neither"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_record_that_cannot_be_is_refused(changes, reason, members):
    sound = {"members": {file.name: "aa" for file in members}}
    content = sound | changes if isinstance(changes, dict) else changes
    (members[0].parent / "ensemble.json").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=reason):
        load_predictor("unet", weights=members[0].parent, device="cpu")


def test_facts_name_each_member(members):
    facts = describe_named_weights(members[0].parent)
    assert facts["weights_file"] == "a.pt+b.pt"
    assert facts["weights_sha256"] == "+".join(read_weights(file).sha256 for file in members)


def test_members_whose_files_have_one_name_are_told_apart_by_their_hashes(tmp_path):
    files = [
        write_bright_weights(tmp_path / name / "model.pt", spatial_size=(64, 48), grey=grey)
        for name, grey in (("a", 0.5), ("b", 0.3))
    ]
    said = "+".join(f"model.pt {hash_file(file)[:12]}" for file in files)
    assert describe_named_weights(files)["weights_file"] == said
    assert load_predictor("unet", weights=files, device="cpu").algorithm.weights_file == said
