"""The record of an evaluation has its numbers and says how they came about."""

import json
import math

import pytest

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.lesion_tables import write_lesion_tables
from mammoseg.evaluation.measured import measure_evaluation
from mammoseg.evaluation.tables import count_masses, summarise, write_per_image, write_summary
from mammoseg.metrics import SCORES
from mammoseg.metrics.froc import RULES, FoundLesions

DICE = [0.0, 0.2, 0.4, 0.8]
TOLD = {"bundle": "unet", "source": "phantom", "section": "test", "seed": 3, "spatial_size": [64, 48], "threshold": 0.5}
MADE = {"command": "mammoseg evaluate unet", "date": "2026-11-28", "machine": {"processor": "abacus, 2 cores"}}


def write_evaluation(folder, provenance):
    rows = [
        {"image_id": f"image{number}", "patient_id": f"P{number // 2}", "has_mass": True, "grid": "network", "batch": 1}
        | dict.fromkeys(SCORES, 0.5)
        | {"dice": dice, "predicted_px": 10, "truth_px": 10, "common_px": 5, "masses": 1, "missed_masses": dice == 0}
        for number, dice in enumerate(DICE)
    ]
    marks = [FoundLesions((-math.inf if dice == 0 else dice,), (), group=None) for dice in DICE]
    write_per_image(folder / "per_image.csv", [row | {"missed_masses": int(row["missed_masses"])} for row in rows])
    lesions = write_lesion_tables(folder, {"network": [dict.fromkeys(RULES, found) for found in marks]})
    write_summary(folder, summarise(rows), provenance=provenance, more={"masses": count_masses(rows)} | lesions)
    return folder


def test_a_record_has_both_dice_the_masses_found_and_three_cases(tmp_path):
    measured = measure_evaluation(write_evaluation(tmp_path, TOLD | MADE))

    scores = measured["grids"]["network"]
    assert (scores["dice"], scores["dice_pooled"]) == (pytest.approx(0.35), pytest.approx(2 * 20 / 80))
    assert (scores["masses"], scores["missed_masses"]) == (4, 1)
    assert scores["cases"] == {
        "best": {"image_id": "image3", "dice": 0.8},
        "median": {"image_id": "image1", "dice": 0.2},
        "worst": {"image_id": "image0", "dice": 0.0},
    }
    half, one = scores["found"]  # no mark is false, so the curve ends at none
    assert (half["false_positives"], one["false_positives"]) == (0.5, 1.0)
    assert half["sensitivity"] is None and "with 0.750 found" in half["empty_because"]
    assert scores["dice_low"] <= 0.1 + 1e-9 and scores["dice_high"] >= 0.6 - 1e-9  # one of the two patients alone


def test_a_record_says_data_seed_machine_and_command(tmp_path):
    measured = measure_evaluation(write_evaluation(tmp_path, TOLD | MADE))

    assert {name: measured[name] for name in TOLD} == TOLD
    assert (measured["command"], measured["date"], measured["machine"]) == (*list(MADE.values())[:2], "abacus, 2 cores")
    assert (measured["images"], measured["patients"]) == (4, 2)
    assert "epochs" not in measured, "no training log lies there"


def test_a_record_has_epochs_and_minutes_of_the_training_whose_log_is_there(tmp_path):
    log = "epoch,train_loss,val_mean_dice,lr,seconds\n1,0.5,0.3,0.1,95\n2,0.4,0.2,0.1,88\n"
    (tmp_path / "metrics.csv").write_text(log)
    measured = measure_evaluation(write_evaluation(tmp_path, TOLD | MADE))
    assert (measured["epochs"], measured["best_epoch"], measured["validation_dice"]) == (2, 1, 0.3)
    assert measured["minutes"] == 3.0  # 183 s, to a tenth
    assert measured["first_losses"] == [0.5, 0.4]


def test_an_evaluation_that_does_not_say_how_it_was_made_is_refused(tmp_path):
    write_evaluation(tmp_path, TOLD)
    with pytest.raises(WrongCallError, match=r"summary.json does not say its command; evaluate again"):
        measure_evaluation(tmp_path)
    with pytest.raises(WrongCallError, match=r"has no summary.json; name a folder"):
        measure_evaluation(tmp_path / "other")


def test_a_record_is_json(tmp_path):
    json.dumps(measure_evaluation(write_evaluation(tmp_path, TOLD | MADE)), allow_nan=False)
