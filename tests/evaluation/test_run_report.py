"""The page of a run shows the images that were scored, and what the network had to beat."""

import json
import re
import shutil

import pytest

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.run_report import compare_with_baseline, report
from tests.tiny_run import evaluated_run, write_tiny_dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return evaluated_run(tmp_path_factory.mktemp("run"))


def test_page_shows_cases_scores_and_baseline(run, tmp_path):
    report(run / "eval", dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(f"test-{number}" in page for number in range(3))
    assert (tmp_path / "cases.png").stat().st_size > 0 and (tmp_path / "learning_curve.png").stat().st_size > 0
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    assert baseline["test_dice"] > 0.95  # the discs are the brightest pixels, so a threshold finds them


def test_a_threshold_on_intensity_that_is_better_than_the_model_is_said_on_page_and_terminal(run, tmp_path, capsys):
    report(run / "eval", dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path)
    said = "WARNING: the best constant threshold on intensity does better than the model: mean Dice "
    assert said in (tmp_path / "index.html").read_text(encoding="utf-8") and said in capsys.readouterr().out
    rows = [{"metric": "dice", "grid": "network", "mean": 0.6}]
    assert compare_with_baseline(rows, 0.2).startswith(
        "To beat: the best constant threshold on intensity has mean Dice 0.200"
    )


def test_page_names_bundle_and_data_and_leads_to_its_tables(run, tmp_path):
    report(run / "eval", dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Bundle: unet · data: tiny · date: " in page
    for table in ("per_image.csv", "summary.csv", "metrics.csv", "froc.csv", "froc_curve.csv", "reliability.csv"):
        assert f'<a href="{table}">' in page
        assert (tmp_path / table).read_bytes() == (run / "eval" / table).read_bytes()


def test_page_says_what_was_found_and_missed(run, tmp_path):
    report(run / "eval", dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.search(r"\d of 3 masses have no predicted pixel \(network grid\)", page)
    assert page.count("<td>original</td><td>either</td>") == 5  # a row for each number of false marks
    for picture in ("froc.png", "reliability.png"):
        assert f'<img src="{picture}"' in page
        assert (tmp_path / picture).read_bytes() == (run / "eval" / picture).read_bytes()


def test_bundle_is_that_of_the_evaluation(run, tmp_path):
    evaluation = shutil.copytree(run / "eval", tmp_path / "eval")
    text = (evaluation / "summary.json").read_text().replace('"bundle": "unet"', '"bundle": "aunet"')
    (evaluation / "summary.json").write_text(text)
    with pytest.raises(WeightsError, match="holds UNet, bundle 'aunet' is AUNet"):
        report(evaluation, dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path / "page")


def test_scores_of_another_datalist_are_refused(run, tmp_path):
    other = write_tiny_dataset(tmp_path / "data")
    text = (other / "datalist.json").read_text().replace("test-", "other-")
    (other / "datalist.json").write_text(text)
    with pytest.raises(WrongCallError, match="test-0 is not a test image"):
        report(run / "eval", dataset_dir=other, weights=run / "models" / "model.pt", output=tmp_path)
