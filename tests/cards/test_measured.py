"""What cards and pages say of records."""

import json

import pytest

from mammoseg.cards.measured import read_measured, say_found, select_measured


def a_run(name: str, bundle: str, dice: float, *, seed: int = 0) -> dict:
    told = {"source": "cbis_ddsm", "section": "test", "images": 4, "patients": 2, "spatial_size": [160, 112]}
    made = {
        "machine": "abacus, 2 cores",
        "commit": "0123456789",
        "trained_at": "abcdefabcd",
        "date": "2026-11-28",
        "command": "mammoseg evaluate",
    }
    settings = {"threshold": 0.5, "flips": None, "precision": "bfloat16", "epochs": 12, "notes": ["narrow"]}
    return {
        "run": name,
        "bundle": bundle,
        "seed": seed,
        "fold": None,
        **told,
        **made,
        **settings,
        "grids": {"network": {"dice": dice}},
    }


@pytest.fixture
def folder(tmp_path):
    runs = [a_run("a", "unet", 0.2), a_run("a", "unet", 0.4, seed=1), a_run("b", "aunet", 0.5)]
    record = {"name": "few", "command": "mammoseg run few.json", "budget": "small budget", "runs": runs, "empty": []}
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "measured.json").write_text(json.dumps(record))
    return tmp_path


def test_seeds_of_a_run_have_a_mean_and_an_sd_of_runs(folder):
    (record,) = read_measured(folder)
    (together,) = record["seeds_together"]
    assert together == {"run": "a", "runs": 2, "mean": pytest.approx(0.3), "sd": pytest.approx(0.2 / 2**0.5)}


def test_what_holds_for_several_runs_is_said_once(folder):
    (record,) = read_measured(folder)
    assert record["told"] == [
        "Small budget.",
        "Made by `mammoseg run few.json`.",
        "Data: cbis_ddsm, section test, 4 images of 2 patients.",
        "`a`: grid 160 x 112, 12 epochs, threshold 0.5, flips none, scored in bfloat16, narrow.",
        "`b`: grid 160 x 112, 12 epochs, threshold 0.5, flips none, scored in bfloat16, narrow.",
        "Scored on abacus, 2 cores, 2026-11-28; trained at commit `abcdefa`; scored at commit `0123456`.",
    ]


def test_a_card_has_the_runs_of_its_bundle_alone(folder):
    (part,) = select_measured("aunet", read_measured(folder))
    assert [run["run"] for run in part["runs"]] == ["b"] and not any("`a`" in said for said in part["told"])
    assert select_measured("fusionnet", read_measured(folder)) == []


def test_an_installed_package_without_records_has_none(tmp_path):
    assert read_measured(tmp_path / "absent") == []


def test_a_curve_that_ends_before_both_rates_is_said_once():
    ends = {"sensitivity": None, "empty_because": "the curve ends at 0.473 false marks an image, with 0.827 found"}
    assert say_found([ends, ends]) == ends["empty_because"]
    found = {"sensitivity": 0.3412, "empty_because": ""}
    assert say_found([found, ends]) == f"0.341, {ends['empty_because']}"
    assert say_found([found, found]) == "0.341, 0.341"
