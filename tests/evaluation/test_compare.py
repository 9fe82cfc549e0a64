"""Two and three evaluations side by side."""

import csv
import hashlib
import json
import math
import re
from datetime import date

import pytest
from PIL import Image

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.compare import WRITTEN, compare
from mammoseg.evaluation.lesion_tables import write_lesion_tables
from mammoseg.evaluation.reporting_items import LEFT_TO_AUTHORS
from mammoseg.evaluation.tables import read_per_image, write_per_image, write_summary
from mammoseg.metrics import SCORES
from mammoseg.metrics.froc import RULES, FoundLesions

DICE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def write_run(path, dice, *, grid="network", prefix="image"):
    rows = [
        {"image_id": f"{prefix}{number}", "patient_id": f"P{number}", "laterality": "L", "view": "CC"}
        | {"has_mass": not math.isnan(value), "grid": grid}
        | dict.fromkeys(SCORES, 0.5)
        | {"dice": value}
        for number, value in enumerate(dice)
    ]
    write_per_image(path, rows)
    return path


def dice_pairs(pairs):
    return [pair for pair in pairs if pair["metric"] == "dice"]


@pytest.fixture
def better(tmp_path):
    """Better than `worse` on every image, by 0.05, 0.10, ... 0.30."""
    return write_run(tmp_path / "better" / "per_image.csv", [d + 0.05 * n for n, d in enumerate(DICE, start=1)])


@pytest.fixture
def worse(tmp_path):
    return write_run(tmp_path / "worse" / "per_image.csv", DICE)


def test_pair_has_its_difference_and_exact_p_value(better, worse, tmp_path):
    (pair,) = dice_pairs(compare(better, worse, output=tmp_path / "out")[1])

    assert (pair["first"], pair["second"], pair["images"]) == ("better", "worse", 6)
    assert pair["mean_difference"] == pytest.approx(0.175)
    assert pair["p"] == pytest.approx(2 / 2**6)


def test_interval_of_the_difference_holds_it(better, worse, tmp_path):
    (pair,) = dice_pairs(compare(better, worse, output=tmp_path / "out")[1])

    assert 0.05 < pair["difference_low"] < 0.175 < pair["difference_high"] < 0.30


def test_image_that_only_one_run_scored_is_not_paired(better, tmp_path):
    shorter = write_run(tmp_path / "shorter" / "per_image.csv", DICE[:4])
    with_nan = write_run(tmp_path / "nan" / "per_image.csv", [math.nan, *DICE[1:]])

    pairs = dice_pairs(compare(better, shorter, with_nan, output=tmp_path / "out")[1])

    assert [pair["images"] for pair in pairs] == [4, 5, 3]


def test_p_allows_for_all_three_pairs(better, worse, tmp_path):
    third = write_run(tmp_path / "third" / "per_image.csv", DICE)

    pairs = dice_pairs(compare(better, worse, third, output=tmp_path / "out")[1])

    assert [pair["p_holm"] for pair in pairs] == pytest.approx([3 * 2 / 2**6, 3 * 2 / 2**6, 1])


def test_runs_in_folders_of_one_name_are_told_apart(tmp_path):
    first = write_run(tmp_path / "unet" / "evaluation" / "per_image.csv", DICE)
    second = write_run(tmp_path / "aunet" / "evaluation" / "per_image.csv", DICE)

    runs, _ = compare(first, second, output=tmp_path / "out")

    assert {row["run"] for row in runs} == {"unet", "aunet"}


def test_runs_of_a_plan_are_told_apart_by_seed_and_have_their_learning_curves(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "unet" / f"seed-{seed}" / "scores" / "test" / "per_image.csv", DICE)
        log = tmp_path / "unet" / f"seed-{seed}" / "eval" / "metrics.csv"
        log.parent.mkdir()
        log.write_text("epoch,train_loss,val_mean_dice,lr\n1,0.5,0.2,0.001\n2,0.4,0.3,0.001\n")
    scores = [tmp_path / "unet" / f"seed-{seed}" / "scores" / "test" for seed in (0, 1)]

    runs, _ = compare(*scores, output=tmp_path / "out")

    assert {row["run"] for row in runs} == {"seed-0", "seed-1"}
    assert (tmp_path / "out" / "learning_curves.png").is_file()


def test_tables_and_plot_are_written(better, worse, tmp_path):
    _, pairs = compare(better, worse, output=tmp_path / "out")

    with (tmp_path / "out" / "pairs.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(pairs)
    assert "| better | dice | network | 0.525 |" in (tmp_path / "out" / "comparison.md").read_text()
    assert (tmp_path / "out" / "dice.png").read_bytes().startswith(b"\x89PNG")


def test_folders_stand_for_the_tables_in_them(better, worse, tmp_path, capsys):
    (pair,) = dice_pairs(compare(better.parent, worse.parent, output=tmp_path / "out")[1])
    assert (pair["first"], pair["second"]) == ("better", "worse")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("better - worse: Dice +0.175 (")
    assert said[-2].startswith(f"Comparison: {tmp_path / 'out' / 'comparison.md'}; tables: ")
    assert said[-1] == f"Report: {tmp_path / 'out' / 'report.html'}"


def test_page_says_bundle_data_and_date_and_leads_to_its_tables(better, worse, tmp_path):
    write_summary(better.parent, [], provenance={"bundle": "unet", "source": "phantom"})
    compare(better, worse, output=tmp_path / "out")
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert "- better: bundle unet, source phantom\n- worse: its summary.json is missing\n" in page
    assert f"Date: {date.today():%Y-%m-%d}. Tables: [runs.csv](runs.csv), [pairs.csv](pairs.csv)." in page


def test_runs_of_the_same_weights_are_told_apart_by_their_settings_and_a_doubt_is_said(better, worse, tmp_path, capsys):
    weights = {"weights_file": "model.pt", "weights_sha256": "ab", "min_area_mm2": None}
    known = {"source": "cbis_ddsm", "datalist_sha256": "cd", "started_from": {"source": "cbis_ddsm"}}
    write_summary(better.parent, [], provenance={**weights, "threshold": 0.5, "flips": None})
    write_summary(worse.parent, [], provenance={**weights, "threshold": 0.35, "flips": "up-down", **known})
    compare(better, worse, output=tmp_path / "out")
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    same = "weights model.pt, their SHA-256 ab"
    assert f"- better: {same}, threshold 0.5, flips none, least area none\n" in page
    assert f"{same}, threshold 0.35, flips up-down, least area none\n" in page
    assert "- WARNING, worse: These weights learned from images of cbis_ddsm" in page
    assert capsys.readouterr().err.startswith("WARNING: worse: These weights learned from images of cbis_ddsm")


def test_curves_and_missed_masses_of_the_runs_stand_side_by_side(better, worse, tmp_path):
    for run, score in ((better, 0.9), (worse, -math.inf)):
        rows = [row | {"masses": 2, "missed_masses": 1} for row in read_per_image(run)]
        write_per_image(run, rows)
        images = [dict.fromkeys(RULES, FoundLesions((score,), (0.5, 0.4), group=f"P{n}")) for n in range(6)]
        write_lesion_tables(run.parent, {"network": images})

    compare(better, worse, output=tmp_path / "out")

    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert "## Masses without a predicted pixel\n" in page and "| better | network | 12 | 6 |" in page
    assert "| better | network | either | 1 | 1 | 1 | 1 | 6 | 6 |  |" in page
    assert "| worse | network | either | 1 | 0 | 0 | 0 | 6 | 6 |  |" in page
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Without a predicted pixel</th>" in html
    assert (tmp_path / "out" / "froc.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "out" / "froc.csv").open() as file:
        assert {row["run"] for row in csv.DictReader(file)} == {"better", "worse"}


def test_nothing_of_an_earlier_comparison_stays(better, worse, tmp_path):
    for run in (better, worse):
        with_facts(run, subtlety=[2, 5])
        images = [dict.fromkeys(RULES, FoundLesions((0.9,), (0.5,), group=f"P{n}")) for n in range(6)]
        write_lesion_tables(run.parent, {"network": images})
        (run.parent / "metrics.csv").write_text("epoch,train_loss,val_mean_dice,lr\n1,0.5,0.2,0.001\n2,0.4,0.3,0.001\n")
    compare(better, worse, output=tmp_path / "out")
    before = {path.name for path in (tmp_path / "out").iterdir()}
    third, fourth = (write_run(tmp_path / name / "per_image.csv", DICE) for name in ("third", "fourth"))
    (tmp_path / "out" / "notes.txt").touch()
    compare(third, fourth, output=tmp_path / "out")
    gone = {"froc.csv", "froc.png", "subgroups.csv", "agreement.csv", "area.png", "learning_curves.png"}
    assert gone <= before <= {*WRITTEN}
    assert {path.name for path in (tmp_path / "out").iterdir()} == before - gone - {"subgroup_pairs.csv"} | {
        "notes.txt"
    }
    assert "<h2>Masses found" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_rows_of_curves_without_a_curve_stand_nowhere(better, worse, tmp_path):
    for run in (better, worse):
        images = [dict.fromkeys(RULES, FoundLesions((0.9,), (0.5,), group=f"P{n}")) for n in range(6)]
        write_lesion_tables(run.parent, {"network": images})
        (run.parent / "froc_curve.csv").unlink()
    compare(better, worse, output=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["froc"] == []


def with_facts(run, **facts):
    rows = [
        row
        | {name: values[number % len(values)] for name, values in facts.items()}
        | {"masses": 1, "missed_masses": 0, "predicted_px": 90 + number, "truth_px": 100 + 10 * number, "common_px": 50}
        for number, row in enumerate(read_per_image(run))
    ]
    write_per_image(run, rows)


def test_report_has_everything_in_one_file_that_asks_for_nothing(better, worse, tmp_path):
    for run in (better, worse):
        with_facts(run, subtlety=[2, 5], margin=["SPICULATED", "OBSCURED"])
        (run.parent / "metrics.csv").write_text("epoch,train_loss,val_mean_dice,lr\n1,0.5,0.2,0.001\n2,0.4,0.3,0.001\n")
        Image.new("RGB", (8, 8)).save(run.parent / "cases.png")
        write_summary(run.parent, [], provenance={"bundle": run.parent.name, "source": "phantom", "seed": 3})
    (tmp_path / "speed.json").write_text(
        json.dumps(
            [
                {"bundle": "better", "batch": 1, "quick": False, "device": "CPU, 2 threads"}
                | {"inference": {"accelerated": {"images_per_second": 12.5}}}
            ]
        )
    )

    compare(better, worse, output=tmp_path / "out", speed=tmp_path / "speed.json")

    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert re.findall(r"(?:src|href)\s*=\s*.(?!data:image/png;base64,)", page) == []
    assert "://" not in page and "<script" not in page and "url(" not in page
    pictures = {"boxes", "ecdf", "area", "learning", "speed", "the case of each run"}
    assert page.count("<img ") == len(pictures) + 1
    for heading in ("Differences", "Good enough", "Area", "Subgroups", "Training", "Speed", "How this was made"):
        assert f"<h2>{heading}</h2>" in page
    assert "<h3>subtlety</h3>" in page and "12.5" in page and "TRIPOD+AI" in page
    assert report["made"]["provenance"]["worse"]["seed"] == 3
    assert report["made"]["tables_sha256"]["better"] == hashlib.sha256(better.read_bytes()).hexdigest()
    assert [row["run"] for row in report["speed"]] == ["better"] and report["warnings"][0].startswith("better, worse: ")
    with (tmp_path / "out" / "subgroups.csv").open() as file:
        assert {row["field"] for row in csv.DictReader(file)} == {"subtlety", "margin", "size quartile"}


def test_names_of_strangers_are_text_in_the_report(worse, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    run = write_run(tmp_path / evil / "per_image.csv", [0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    with_facts(run, vendor=[evil, "'\"><script>alert(2)</script>"])
    write_summary(run.parent, [], provenance={"bundle": evil, evil: evil})

    compare(run, worse, output=tmp_path / "out")

    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<script" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page and "&lt;script&gt;alert(2)" in page


def test_a_file_of_other_content_has_no_speeds(better, worse, tmp_path):
    (tmp_path / "speed.json").write_text("{}")
    compare(better, worse, output=tmp_path / "out", speed=tmp_path / "speed.json")
    assert not (tmp_path / "out" / "speed.csv").exists()
    (tmp_path / "speed.json").write_text('[{"bundle": 3}]')
    with pytest.raises(WrongCallError, match="is no list of speeds .*networks --json FILE"):
        compare(better, worse, output=tmp_path / "out", speed=tmp_path / "speed.json")


def test_an_item_is_answered_by_the_data_or_left_to_the_authors(better, worse, tmp_path):
    compare(better, worse, output=tmp_path / "out")
    items = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["items"]
    by_name = {(item["guide"], item["about"]): item["answer"] for item in items}
    assert by_name[("CLAIM 2024", "sample size")] == "6 images of 6 patients, 6 of them with a mass."
    assert by_name[("TRIPOD+AI", "ethics")] == by_name[("CLAIM 2024", "the model")] == LEFT_TO_AUTHORS


def test_one_file_is_no_comparison(better, tmp_path):
    with pytest.raises(WrongCallError, match="1 evaluation named, a comparison needs two or more that differ"):
        compare(better, output=tmp_path)


def test_the_same_file_twice_is_refused(better, tmp_path):
    with pytest.raises(WrongCallError, match="two or more that differ"):
        compare(better, better, output=tmp_path)


def test_runs_without_a_common_image_are_refused(better, tmp_path):
    other = write_run(tmp_path / "other" / "per_image.csv", DICE, prefix="other")

    with pytest.raises(WrongCallError, match="no image on the same grid in common"):
        compare(better, other, output=tmp_path)
