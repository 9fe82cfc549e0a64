"""Threshold and calibration chosen anew on labelled pictures, whose bright discs are masses or not."""

import json

import cv2
import numpy as np
import pytest

from mammoseg.calibration import Calibration
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.shipping import describe_shipped
from mammoseg.data.datalist import load_section, write_datalist
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.calibrate import calibrate
from mammoseg.inference.ensemble import MeanPredictor, load_predictor
from mammoseg.inference.predictor import Predictor
from mammoseg.metrics.froc import find_lesions_by_marks
from tests.label.bright_model import write_bright_weights

GREYS = np.linspace(110, 170, 16)
"""Of discs, of 255: `bright_model` gives 0.1 to 1 for them."""


def write_pictures(folder, *, patients=16):
    """A picture a patient in ``validation``: the breast, a mass above, and below a disc of other grey that is none."""
    records = []
    for number in range(patients):
        image, mask = np.zeros((2, 64, 48), np.uint8)
        cv2.ellipse(image, (0, 32), (40, 30), 0, 0, 360, 60, -1)
        image[0, 47] = 255  # the end of the range, outside the breast
        cv2.circle(mask, (14, 20), 6, 255, -1)
        image[mask > 0] = GREYS[number]
        cv2.circle(image, (14, 44), 5, float(GREYS[-1 - number] - 15), -1)
        for kind, picture in (("image", image), ("mask", mask)):
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number}.{kind}.png"), picture)
        names = {"image_id": str(number), "image": f"{number}.image.png", "label": f"{number}.mask.png"}
        about = {"patient_id": f"p{number}", "laterality": "L", "view": "CC", "fold": 0, "has_mass": True}
        records.append(names | about)
    sections = {"training": [], "validation": records, "test": []}
    write_datalist(folder / "datalist.json", name="discs", source="folder", seed=0, license=None, sections=sections)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Data, weights as they were, and what calibrate wrote."""
    folder = tmp_path_factory.mktemp("calibrate")
    data = write_pictures(folder / "data")
    weights = write_bright_weights(folder / "model.pt", spatial_size=(64, 48))
    calibrate("unet", dataset_dir=data, weights=weights, output=folder / "new", device="cpu")
    return data, weights, folder / "new"


def test_the_threshold_and_the_calibration_are_those_of_the_marks(done):
    data, weights, new = done
    predictor, marks = Predictor("unet", weights=weights, device="cpu"), []
    for record in load_section(data / "datalist.json", "validation"):
        truth = cv2.imread(record["label"], cv2.IMREAD_GRAYSCALE) > 0
        probability = predictor(record["image"]).probability
        probability[0] = 0  # where the one pixel outside the breast is
        found = find_lesions_by_marks(probability, truth)["either"]
        marks += [(score, True) for score in found.true] + [(score, False) for score in found.false]
    report = json.loads((new / "calibration.json").read_text())
    assert report["counts"]["marks"] == len(marks) and report["counts"]["marks_on_masses"] == 16
    settings = read_weights(new / "calibrated.safetensors")
    scores = Calibration(**settings.calibration)([score for score, _ in marks])
    assert scores.mean() == pytest.approx(16 / len(marks), abs=0.02), "as many as there are masses"
    dice = report["threshold"]["dice"]
    assert dice[str(settings.threshold)] == max(dice.values())
    low, high = report["threshold"]["interval"]
    assert low <= settings.threshold <= high


def test_the_new_weights_are_the_old_ones_and_say_where_their_numbers_come_from(done):
    _, weights, new = done
    before, after = read_weights(weights), read_weights(new / "calibrated.safetensors")
    assert all((after.model[key] - value).abs().max() < 1e-3 for key, value in before.model.items())
    about = after.provenance["calibrated"]
    assert (about["parent"], about["data"], about["section"]) == (before.sha256, "discs", "validation")
    assert about["counts"]["patients"] == 16 and about["threshold_interval"][0] <= after.threshold
    assert after.calibration["fitted_on"] == f"discs (validation: {about['counts']['marks']} marks)"
    assert json.loads((new / "calibrated.json").read_text()) == describe_shipped(new / "calibrated.safetensors")
    assert after.provenance["bundle"] == "unet"


def test_the_error_before_is_that_of_the_bare_scores_and_after_that_of_patients_not_seen(done):
    error = json.loads((done[2] / "calibration.json").read_text())["expected_calibration_error"]
    assert error["before_was"] == "uncalibrated"
    assert 0 < error["after, cross-fitted by patient"] < 1
    assert (done[2] / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_the_folder_can_be_named_as_weights_and_its_scores_are_calibrated(done):
    predictor = load_predictor("unet", weights=done[2], device="cpu")
    assert predictor.threshold == read_weights(done[2] / "calibrated.safetensors").threshold
    assert predictor.algorithm.score_kind.startswith("calibrated on discs (validation: ")


def test_the_mean_of_several_gets_a_record_beside_copies_of_its_members(done, tmp_path):
    data, weights, _ = done
    other = write_bright_weights(tmp_path / "other.pt", spatial_size=(64, 48), grey=0.45)
    calibrate("unet", dataset_dir=data, weights=[weights, other], output=tmp_path / "mean", device="cpu")
    names = sorted(path.name for path in (tmp_path / "mean").iterdir())
    assert names == ["1-model.pt", "2-other.pt", "calibration.json", "ensemble.json", "reliability.png"]
    predictor = load_predictor("unet", weights=tmp_path / "mean", device="cpu")
    record = json.loads((tmp_path / "mean" / "ensemble.json").read_text())
    assert isinstance(predictor, MeanPredictor) and predictor.threshold == record["threshold"]
    assert predictor.algorithm.calibration == Calibration(**record["calibration"])


def test_weights_that_may_have_learned_from_the_images_are_named_a_doubt(done, tmp_path, capsys):
    weights = write_bright_weights(tmp_path / "a.pt", spatial_size=(64, 48), source="folder", datalist_sha256="cd")
    calibrate("unet", dataset_dir=done[0], weights=weights, output=tmp_path / "new", device="cpu")
    assert "WARNING: These weights learned from images of folder that this" in capsys.readouterr().err


def test_too_few_patients_or_marks_are_refused_with_what_is_needed(done, tmp_path):
    few = write_pictures(tmp_path / "few", patients=9)
    with pytest.raises(WrongCallError, match="has 9 patients with a mass, at least 10 are needed to say anything of"):
        calibrate("unet", dataset_dir=few, weights=done[1], output=tmp_path / "new")
    blind = write_bright_weights(tmp_path / "blind.pt", spatial_size=(64, 48), grey=0.95)
    with pytest.raises(WrongCallError, match="made 0 marks on masses and 0 beside them, at least 10 of each are"):
        calibrate("unet", dataset_dir=done[0], weights=blind, output=tmp_path / "new", device="cpu")


def test_a_section_without_an_image_is_refused_by_the_option_of_this_command(done, tmp_path):
    data, weights, _ = done
    with pytest.raises(WrongCallError, match="has no test image to calibrate on; name another section with --section"):
        calibrate("unet", dataset_dir=data, weights=weights, output=tmp_path / "new", section="test")
    assert not (tmp_path / "new").exists()
