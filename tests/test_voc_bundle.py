"""The one bundle of 21 classes: it trains, goes on, is evaluated and infers with MONAI's commands, like the others."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image

from mammoseg.bundles import locate_bundle, render
from mammoseg.data.class_maps import read_class_map
from mammoseg.data.ingest import ingest
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import read_per_image
from mammoseg.inference.predictor import Predictor
from tests.tiny_run import tiny_overrides, workflow
from tests.tiny_voc import NARROW, write_tiny_voc

BUNDLE = "se_fusion_bit"

ALL_BACKGROUND = 0.21
"""Mean IoU of a network that sees no object at all: IoU 0.82 of background and 0 of three classes."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voc")
    ingest("voc", str(write_tiny_voc(folder, train=20)), output=str(folder / "data"))
    return folder / "data"


def overrides(dataset: Path, run: Path, **changes) -> dict:
    fast = {
        "lr": 0.003,
        "lr_scheduler::rates": [0.003, 0.0003],
        "lr_scheduler::epochs": [12, 4],
        "max_epochs": 16,
        "batch_size": 4,
    }
    return tiny_overrides(dataset, run, **NARROW | fast | changes)


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained")
    workflow(BUNDLE, **overrides(dataset, run)).run()
    return run


def test_training_learns_the_classes(trained):
    log = torch.load(trained / "models" / "checkpoint.pt", weights_only=True)["training_log"]["rows"]
    assert log[-1]["train_loss"] < 0.5 * log[0]["train_loss"]
    assert max(row["val_mean_iou"] for row in log) > 2 * ALL_BACKGROUND


def test_an_interrupted_training_ends_with_the_weights_of_an_undisturbed_one(dataset, tmp_path):
    for run, epochs in (("undisturbed", 2), ("interrupted", 1), ("interrupted", 2)):
        workflow(BUNDLE, **overrides(dataset, tmp_path / run, max_epochs=epochs)).run()
    one, two = (
        torch.load(tmp_path / run / "models" / "checkpoint.pt", weights_only=True)["model"]
        for run in ("undisturbed", "interrupted")
    )
    assert all(torch.equal(value, two[key]) for key, value in one.items())


@pytest.fixture(scope="module")
def evaluated(trained: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("evaluated")
    settings = overrides(dataset, trained) | {"output_dir": str(output)}
    workflow(BUNDLE, "evaluate", run_id="evaluating", **settings).run()
    return output


def test_evaluation_writes_the_iou_of_every_class_and_their_mean(evaluated):
    with (evaluated / "class_iou.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = render(BUNDLE)["metadata"]["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert [row["class"] for row in rows] == [*names.values(), "mean"]
    assert [int(row["true_pixels"]) for row in rows[1:5]] == [22 * 22, 22 * 22, 22 * 22, 0]
    assert float(rows[-1]["iou"]) == pytest.approx(np.nanmean([float(row["iou"]) for row in rows[:-1]]))
    assert float(rows[-1]["iou"]) > 2 * ALL_BACKGROUND


def test_evaluation_scores_the_objects_of_every_test_image_on_both_grids(evaluated):
    rows = read_per_image(evaluated / "per_image.csv")
    assert sorted((row["image_id"], row["grid"]) for row in rows) == sorted(
        (f"2012_val_{number}", grid) for number in range(3) for grid in ("network", "original")
    )
    assert json.loads((evaluated / "summary.json").read_text())["provenance"]["source"] == "voc"


def test_inference_writes_a_class_map_with_palette_on_the_grid_of_every_photograph(trained, dataset, tmp_path):
    photographs = dataset.parent / "VOCdevkit" / "VOC2012" / "JPEGImages"
    settings = {
        "dataset_dir": str(photographs),
        "ckpt_dir": str(trained / "models"),
        "output_dir": str(tmp_path),
        "device": "$torch.device('cpu')",
        **NARROW,
    }
    config = Path(locate_bundle(BUNDLE)) / "configs" / "inference.json"
    flow = ConfigWorkflow(str(config), workflow_type="infer", logging_file=False, run_id="inferring", **settings)
    flow.initialize()
    flow.run()
    written = sorted(tmp_path.glob("*.classes.png"))
    assert [path.name for path in written] == sorted(f"{path.stem}.classes.png" for path in photographs.iterdir())
    for path in written:
        with Image.open(path) as picture:
            assert picture.mode == "P"
    labels = photographs.parent / "SegmentationClass"
    pairs = [(read_class_map(path), read_class_map(labels / path.name.replace(".classes", ""))) for path in written]
    hits = [(classes == truth)[(truth > 0) & (truth < 255)].mean() for classes, truth in pairs]
    assert np.mean(hits) > 0.5


def test_predict_refuses_a_network_that_knows_no_masses():
    with pytest.raises(WrongCallError, match="bundle 'se_fusion_bit' gives 21 classes, no mass"):
        Predictor(BUNDLE)
