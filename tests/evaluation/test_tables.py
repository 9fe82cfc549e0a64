"""Tables survive the way to disk, and say what they left out."""

import json
import math

import pytest

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import (
    POOLED_DICE,
    POOLED_IOU,
    count_masses,
    format_mass_lines,
    read_per_image,
    summarise,
    write_per_image,
    write_summary,
)
from mammoseg.metrics import SCORES


def make_row(image_id, dice, *, grid="network", patient_id="P1"):
    identity = {
        "image_id": image_id,
        "name": f"{image_id}.png",
        "patient_id": patient_id,
        "laterality": "L",
        "view": None,
    }
    return identity | {"has_mass": not math.isnan(dice), "grid": grid} | dict.fromkeys(SCORES, 0.5) | {"dice": dice}


def dice_of(summary, grid="network"):
    return next(row for row in summary if (row["metric"], row["grid"]) == ("dice", grid))


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [make_row("a", 0.1 + 0.2), make_row("b", 0.0, patient_id=None)]

    write_per_image(tmp_path / "per_image.csv", rows)

    assert read_per_image(tmp_path / "per_image.csv") == rows


def test_image_without_mass_comes_back_with_nan(tmp_path):
    write_per_image(tmp_path / "per_image.csv", [make_row("a", math.nan)])

    (row,) = read_per_image(tmp_path / "per_image.csv")

    assert math.isnan(row["dice"]) and row["has_mass"] is False


def test_rows_are_sorted_by_grid_and_image(tmp_path):
    write_per_image(
        tmp_path / "per_image.csv", [make_row("b", 1.0), make_row("a", 1.0, grid="original"), make_row("a", 1.0)]
    )

    rows = read_per_image(tmp_path / "per_image.csv")

    assert [(row["grid"], row["image_id"]) for row in rows] == [("network", "a"), ("network", "b"), ("original", "a")]


def test_summary_leaves_nan_out_and_counts_it():
    summary = summarise([make_row("a", 0.0), make_row("b", 0.6), make_row("c", 0.9), make_row("d", math.nan)])

    expected = {"mean": 0.5, "sd": math.sqrt(0.21), "median": 0.6, "count": 3, "counted_out": 1}
    assert dice_of(summary) == pytest.approx({"metric": "dice", "grid": "network"} | expected)


def test_summary_keeps_the_grids_apart():
    summary = summarise([make_row("a", 0.2), make_row("a", 0.4, grid="original")])

    assert (dice_of(summary)["mean"], dice_of(summary, "original")["mean"]) == (0.2, 0.4)


def test_facts_come_back_with_their_types_and_unknown_ones_not_at_all(tmp_path):
    row = make_row("a", 0.5) | {"birads": 0, "subtlety": 3, "margin": "SPICULATED", "vendor": "Maker, Inc."}
    write_per_image(tmp_path / "per_image.csv", [row])
    assert read_per_image(tmp_path / "per_image.csv") == [row]


def test_a_score_that_an_older_table_lacks_is_nan(tmp_path):
    write_per_image(tmp_path / "per_image.csv", [make_row("a", 0.5)])
    text = (tmp_path / "per_image.csv").read_text().replace("hausdorff_rows", "another_column")
    (tmp_path / "old.csv").write_text(text)

    (row,) = read_per_image(tmp_path / "old.csv")

    assert math.isnan(row["hausdorff_rows"]) and row["hausdorff_points_px"] == 0.5


COUNTED = {"predicted_px": 10, "truth_px": 10, "common_px": 5, "masses": 1, "missed_masses": 0}


def test_dice_of_a_batch_is_that_of_its_pixels_and_batches_weigh_alike():
    large = make_row("a", 0.9) | COUNTED | {"batch": 1, "predicted_px": 100, "truth_px": 100, "common_px": 90}
    missed = make_row("b", 0.0) | COUNTED | {"batch": 1, "predicted_px": 0, "truth_px": 20, "common_px": 0}
    last = make_row("c", 0.5) | COUNTED | {"batch": 2}

    (pooled,) = [row for row in summarise([large, missed, last]) if row["metric"] == POOLED_DICE]

    assert pooled["mean"] == pytest.approx((180 / 220 + 0.5) / 2) and pooled["count"] == 2


def test_jaccard_of_a_batch_is_that_of_its_pixels():
    large = make_row("a", 0.9) | COUNTED | {"batch": 1, "predicted_px": 100, "truth_px": 100, "common_px": 90}
    missed = make_row("b", 0.0) | COUNTED | {"batch": 1, "predicted_px": 0, "truth_px": 20, "common_px": 0}

    (pooled,) = [row for row in summarise([large, missed]) if row["metric"] == POOLED_IOU]

    assert pooled["mean"] == pytest.approx(90 / 130)


def test_missed_masses_are_counted_by_grid():
    rows = [make_row("a", 0.5) | COUNTED | {"masses": 2, "missed_masses": 1}, make_row("b", 0.5) | COUNTED]
    assert count_masses(rows) == [{"grid": "network", "masses": 3, "missed_masses": 1}]


def test_masses_that_one_pixel_touched_are_not_called_found():
    masses = [{"grid": "network", "masses": 3, "missed_masses": 0}]
    (line,) = format_mass_lines({"masses": masses, "froc": []})
    assert line == "Without a predicted pixel at the threshold: 0 of 3 masses, network grid"


def test_a_curve_that_ends_before_the_asked_number_of_false_marks_says_where_and_what_it_found():
    ends = {"sensitivity": None, "empty_because": "the curve ends at 0.667 false marks an image, with 0.750 found"}
    froc = [
        {"rule": "either", "grid": "network", "false_positives": 0.5, "sensitivity": 0.75, "empty_because": ""},
        {"rule": "either", "grid": "network", "false_positives": 1.0, **ends},
        {"rule": "centre", "grid": "network", "false_positives": 1.0, **ends},
    ]
    assert format_mass_lines({"masses": [], "froc": froc}) == [
        "Found at 0.5 false marks an image, whatever the threshold: 0.750 of the masses, network grid",
        "Found, whatever the threshold: the curve ends at 0.667 false marks an image, with 0.750 found, network grid",
    ]


def test_a_curve_that_ends_before_half_a_false_mark_an_image_says_so_once():
    ends = {"sensitivity": None, "empty_because": "the curve ends at 0.420 false marks an image, with 1.000 found"}
    froc = [{"rule": "either", "grid": "network", "false_positives": rate, **ends} for rate in (0.5, 1.0)]
    assert format_mass_lines({"masses": [], "froc": froc}) == [
        "Found, whatever the threshold: the curve ends at 0.420 false marks an image, with 1.000 found, network grid"
    ]


def test_counts_come_back_as_whole_numbers_and_a_table_without_them_has_none(tmp_path):
    row = make_row("a", 0.5) | COUNTED | {"batch": 3}
    write_per_image(tmp_path / "per_image.csv", [row])
    assert read_per_image(tmp_path / "per_image.csv") == [row]
    assert count_masses([make_row("a", 0.5)]) == []


def test_summary_of_one_image_has_no_standard_deviation():
    assert math.isnan(dice_of(summarise([make_row("a", 0.2)]))["sd"])


def test_summary_json_has_the_provenance_and_null_for_nan(tmp_path):
    write_summary(tmp_path, summarise([make_row("a", math.nan)]), provenance={"seed": 3})

    content = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)

    assert content["provenance"] == {"seed": 3}
    assert dice_of(content["scores"])["mean"] is None


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WrongCallError, match="nowhere.csv is not a file; give the per_image.csv"):
        read_per_image(tmp_path / "nowhere.csv")


def test_a_table_from_before_names_were_shown_is_read(tmp_path):
    write_per_image(tmp_path / "per_image.csv", [make_row("a", 0.5)])
    lines = (tmp_path / "per_image.csv").read_text().splitlines()
    (tmp_path / "old.csv").write_text("\n".join([lines[0].replace("name,", ""), lines[1].replace("a.png,", "")]) + "\n")
    assert read_per_image(tmp_path / "old.csv") == [make_row("a", 0.5) | {"name": None}]


def test_an_image_that_a_table_has_twice_is_refused(tmp_path):
    rows = [make_row("a", 0.2), make_row("a", 0.3), make_row("a", 0.3, grid="original")]
    write_per_image(tmp_path / "per_image.csv", rows)
    with pytest.raises(WrongCallError, match="has image a 2 times on the network grid; an evaluation writes it once"):
        read_per_image(tmp_path / "per_image.csv")


def test_a_table_without_a_row_is_read(tmp_path):
    write_per_image(tmp_path / "per_image.csv", [])
    assert read_per_image(tmp_path / "per_image.csv") == []


def test_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,train_loss\n1,0.5\n")

    with pytest.raises(WrongCallError, match="metrics.csv has no column 'image_id'"):
        read_per_image(tmp_path / "metrics.csv")
