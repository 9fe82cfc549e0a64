"""What must hold for every bundle: written once, run over all."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigWorkflow

from mammoseg import bundles
from mammoseg.bundles import BundleError, bundle_names, bundle_root, first_difference, render
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import read_per_image
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset

REQUIRED_METADATA = {
    "schema",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "task",
    "description",
    "authors",
    "copyright",
    "network_data_format",
    "changelog",
}
"""Keys that MONAI's metadata schema of 2024-07-25 asks for, and the changelog that the model zoo's checks ask for."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained")
    workflow("unet", **tiny_overrides(dataset, run)).run()
    return run


def command(*arguments: str, cwd: Path, launcher: tuple[str, ...] = ("-m", "monai.bundle")) -> str:
    done = subprocess.run([sys.executable, *launcher, "run", *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def as_arguments(overrides: dict) -> list[str]:
    return [word for key, value in overrides.items() for word in (f"--{key}", str(value))]


@pytest.fixture
def copied_bundles(tmp_path, monkeypatch) -> Path:
    shutil.copytree(bundles.BUNDLES_FOLDER, tmp_path / "bundles", ignore=shutil.ignore_patterns("models", "eval"))
    shutil.copy(bundles.BUNDLES_FOLDER.parent / "LICENSE", tmp_path)
    monkeypatch.setattr(bundles, "BUNDLES_FOLDER", tmp_path / "bundles")
    monkeypatch.setattr(bundles, "BASE_FOLDER", tmp_path / "bundles" / "_base")
    return tmp_path / "bundles"


@pytest.mark.parametrize("name", bundle_names())
def test_generated_files_are_up_to_date(name):
    assert first_difference(name) is None


@pytest.mark.parametrize("name", bundle_names())
def test_metadata_has_the_required_keys_and_its_version_in_the_changelog(name):
    metadata = render(name)["metadata"]
    assert metadata.keys() >= REQUIRED_METADATA
    assert metadata["version"] in metadata["changelog"]


@pytest.mark.parametrize("name", bundle_names())
def test_train_and_inference_have_the_properties_that_monai_asks_for(name, dataset, tmp_path):
    configs = Path(bundle_root(name)) / "configs"
    for part, kind in (("train", "train"), ("inference", "infer")):
        overrides = {"dataset_dir": str(dataset), "ckpt_dir": str(tmp_path), "device": "$torch.device('meta')"}
        flow = ConfigWorkflow(str(configs / f"{part}.json"), workflow_type=kind, logging_file=False, **overrides)
        flow.initialize()
        assert flow.check_properties() == []


@pytest.mark.parametrize("name", bundle_names())
def test_network_and_preprocessing_are_the_same_in_training_and_inference(name):
    configs = render(name)
    for key in ("network_def", "preprocessing", "spatial_size", "in_channels", "threshold"):
        assert configs["train"][key] == configs["inference"][key]


@pytest.mark.parametrize("name", bundle_names())
def test_bundle_has_a_model_card_with_paper_and_limits(name):
    card = (Path(bundle_root(name)) / "docs" / "README.md").read_text(encoding="utf-8")
    assert "doi" in card.lower() and "Research only" in card


def test_unknown_bundle_is_refused_with_the_known_ones():
    with pytest.raises(WrongCallError, match="unknown bundle 'unett'; known: .*unet"):
        bundle_root("unett")


def test_misspelt_override_stops_the_build_with_file_section_and_key(copied_bundles):
    arch = copied_bundles / "unet" / "arch.json"
    arch.write_text(json.dumps(json.loads(arch.read_text()) | {"train": {"train::dataloader::batchsize": 2}}))
    with pytest.raises(BundleError, match="unet/arch.json, section 'train': 'train::dataloader::batchsize'"):
        render("unet")


def test_edited_generated_file_is_found_and_its_first_difference_named(copied_bundles):
    train = copied_bundles / "unet" / "configs" / "train.json"
    train.write_text(json.dumps(json.loads(train.read_text()) | {"seed": 1}))
    assert "train.json differs at 'seed'" in first_difference("unet")


@pytest.mark.parametrize("place", ["bundle", "elsewhere"])
def test_training_runs_from_any_folder(place, dataset, tmp_path):
    root = Path(bundle_root("unet"))
    cwd, config = (root, "configs/train.json") if place == "bundle" else (tmp_path, f"{root}/configs/train.json")
    overrides = as_arguments(tiny_overrides(dataset, tmp_path, max_epochs=1))
    command("training", "--config_file", config, *overrides, cwd=cwd)
    assert (tmp_path / "models" / "model.pt").is_file()


def test_evaluation_scores_every_test_image_on_both_grids(dataset, trained, tmp_path):
    overrides = tiny_overrides(dataset, trained) | {"output_dir": str(tmp_path)}
    workflow("unet", "evaluate", run_id="evaluating", **overrides).run()
    rows = read_per_image(tmp_path / "per_image.csv")
    assert sorted((row["image_id"], row["grid"]) for row in rows) == sorted(
        (f"test-{number}", grid) for number in range(3) for grid in ("network", "original")
    )
    assert json.loads((tmp_path / "summary.json").read_text())["provenance"]["seed"] == 0


def test_inference_writes_a_mask_for_every_image_of_a_folder(dataset, trained, tmp_path):
    overrides = {
        "dataset_dir": str(dataset / "images"),
        "ckpt_dir": str(trained / "models"),
        "output_dir": str(tmp_path),
        "spatial_size": [32, 32],
        "network_def::channels": [4, 8, 16],
    }
    config = Path(bundle_root("unet")) / "configs" / "inference.json"
    flow = ConfigWorkflow(str(config), workflow_type="infer", logging_file=False, run_id="inferring", **overrides)
    flow.initialize()
    flow.run()
    assert len(list(tmp_path.glob("*.mask.png"))) == 12


def test_evaluation_refuses_weights_trained_at_another_size(dataset, trained):
    overrides = tiny_overrides(dataset, trained, spatial_size=[64, 64])
    with pytest.raises(RuntimeError) as failure:
        workflow("unet", "evaluate", run_id="evaluating", **overrides).run()
    assert r"spatial_size [32, 32] there, [64, 64] here" in str(failure.value.__cause__)


def test_two_processes_reach_the_validation_metric_of_one(dataset, tmp_path):
    configs = Path(bundle_root("unet")) / "configs"
    metrics = {}
    for name, launcher, files in (
        ("one", ("-m", "monai.bundle"), f"{configs}/train.json"),
        (
            "two",
            ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle"),
            f"['{configs}/train.json','{configs}/multi_gpu_train.json']",
        ),
    ):
        overrides = tiny_overrides(dataset, tmp_path / name, max_epochs=12, lr=0.01)
        overrides |= {"lr_scheduler::rates": [0.01, 0.01, 0.01, 0.01]}
        command("training", "--config_file", files, *as_arguments(overrides), cwd=tmp_path, launcher=launcher)
        saved = torch.load(tmp_path / name / "models" / "checkpoint.pt", weights_only=True)
        metrics[name] = max(row["val_mean_dice"] for row in saved["training_log"]["rows"])
    assert metrics["one"] > 0.5
    assert metrics["two"] == pytest.approx(metrics["one"], abs=0.2)
