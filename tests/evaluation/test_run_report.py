"""The page of a run shows the images that were scored, and what the network had to beat."""

import json
import re
import shutil

import numpy as np
import pytest

from mammoseg.checkpoints.checkpoint import read_checkpoint, save_checkpoint
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.errors import WrongCallError
from mammoseg.evaluation import run_report
from mammoseg.evaluation.run_report import compare_with_baseline, report
from mammoseg.evaluation.tables import read_per_image
from mammoseg.inference.predictor import Predictor
from mammoseg.training.workflow import evaluate
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


def test_weights_that_were_not_scored_are_refused(run, tmp_path):
    content = read_checkpoint(run / "models" / "model.pt")
    save_checkpoint(tmp_path / "other.pt", content | {"threshold": 0.3})
    with pytest.raises(WrongCallError, match="other.pt has SHA-256 .*, the evaluation scored weights of .*; name"):
        report(run / "eval", dataset_dir=run / "data", weights=tmp_path / "other.pt", output=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_cases_are_drawn_at_the_threshold_and_with_the_flips_of_the_evaluation(run, tmp_path, monkeypatch):
    weights, data = run / "models" / "model.pt", run / "data"
    probability = Predictor("unet", weights=weights, device="cpu")(data / "images" / "test-0.png").probability
    threshold = float(np.quantile(probability, 0.8))  # far from that of the weights: see the counts below
    options = {"threshold": threshold, "flips": True, "output_dir": str(tmp_path / "eval")}
    evaluate("unet", dataset_dir=str(data), weights=str(weights), device="cpu", **options)
    shown = {}
    monkeypatch.setattr(run_report, "write_html_report", lambda *_, cases, **__: shown.update(found_by_id(cases)))
    report(tmp_path / "eval", dataset_dir=data, weights=weights, output=tmp_path / "page")
    rows = [row for row in read_per_image(tmp_path / "eval" / "per_image.csv") if row["grid"] == "original"]
    for row in rows:
        assert shown[row["image_id"]] == pytest.approx(row["predicted_px"], abs=2)
    assert all(row["predicted_px"] > 100 for row in rows)


def found_by_id(cases):
    return {case.image_id: int(case.prediction.sum()) for case in cases}


def test_page_of_a_fold_shows_its_images_and_what_the_evaluation_says_of_itself(run, tmp_path):
    weights = run / "models" / "model.pt"
    options = {"fold": 1, "validation_section": "validation", "output_dir": str(tmp_path / "eval")}
    evaluate("unet", dataset_dir=str(run / "data"), weights=str(weights), device="cpu", **options)
    report(tmp_path / "eval", dataset_dir=run / "data", weights=weights, output=tmp_path / "page")
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert all(image in page for image in ("training-1", "training-4", "validation-1")) and ">test-0<" not in page
    assert "(validation images, network grid)" in page and "trained on images that are scored here (fold 1)" in page
    for told in ("section", "fold", "precision", "started_from.sha256", "best intensity threshold.validation_dice"):
        assert f">{told}<" in page
    baseline = json.loads((tmp_path / "page" / "baseline.json").read_text())
    assert baseline.keys() == {"threshold", "training_dice", "validation_dice"}


def test_an_evaluation_of_patches_is_refused_as_such(run, tmp_path):
    evaluation = shutil.copytree(run / "eval", tmp_path / "eval")
    summary = json.loads((evaluation / "summary.json").read_text())
    summary["provenance"]["patches"] = "around known masses, 1.2 times the area of their boxes"
    (evaluation / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(WrongCallError, match="trained on patches around known masses"):
        report(evaluation, dataset_dir=run / "data", weights=run / "models" / "model.pt", output=tmp_path / "page")
