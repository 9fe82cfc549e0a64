"""What must hold for every bundle: written once, run over all."""

import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from mammoseg import bundles
from mammoseg.bundles import (
    BASE_FOLDER,
    BUNDLES_FOLDER,
    BundleError,
    find_first_difference,
    list_bundle_names,
    locate_bundle,
    render,
    say_why_no_masses,
)
from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import read_per_image
from mammoseg.networks import Network
from tests.label.bright_model import write_bright_weights
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


@dataclass(frozen=True)
class Case:
    """What the tests know of a bundle: parameters of its network, and how to make it narrow.

    `narrow` are arguments of the network, `side` is that of an image which the narrow one takes.
    """

    parameters: int
    side: int = 32
    narrow: dict[str, Any] = field(default_factory=lambda: {"channels": [4, 8, 16]})

    def overrides(self, dataset: Path, run: Path, **overrides: Any) -> dict[str, Any]:
        tiny = tiny_overrides(dataset, run, spatial_size=[self.side, self.side], max_epochs=1)
        narrow = {f"network_def::{name}": value for name, value in self.narrow.items()}
        return tiny | {"encoder_weights": None} | narrow | overrides


CONNECTED = {"channels": [8, 8, 16], "dilations": [1, 2, 3]}
TINY_ENCODER = {"encoder": "test_resnet"}
TINY_SMP = {"encoder": "tu-test_resnet", "channels": [16] * 5}
CASES = {
    "attention_unet": Case(11_015_237, narrow={"channels": [4, 8, 16], "up_channels": [4, 8]}),
    "aunet": Case(75_495_162),
    "click_unet": Case(3_606_057, side=64, narrow=TINY_ENCODER | {"encoder_weights": None, "channels": 2}),
    "connected_resunets": Case(20_697_063, narrow=CONNECTED),
    "connected_unets": Case(20_036_545, narrow=CONNECTED),
    "connected_unets_plus": Case(23_450_433, narrow=CONNECTED),
    "connected_unets_plusplus": Case(28_116_816, narrow=CONNECTED),
    "efficientnet_unet": Case(6_140_241, side=64, narrow=TINY_ENCODER | {"encoder_weights": None, "channels": 2}),
    "fcdensenet103": Case(13_916_258, narrow={"channels": 4, "layers": [2, 1, 3], "growth": 2}),
    "fusionnet": Case(78_532_354),
    "multiresunet": Case(7_244_775),
    "resnet22_fpn": Case(5_137_585, side=64, narrow={"pyramid_channels": 4, "channels": 2}),
    "resnet22_unet": Case(7_572_561, side=64, narrow={"channels": 2}),
    "resnet34_fpn": Case(23_745_601, side=64, narrow=TINY_ENCODER | {"pyramid_channels": 4, "channels": 2}),
    "resnet34_unet": Case(27_601_377, side=64, narrow=TINY_ENCODER | {"channels": 2}),
    "se_fusion_bit": Case(202_417_269, side=64, narrow=TINY_ENCODER | {"channels": [2, 4, 8, 8, 8]}),
    "se_fusion_unet": Case(87_475_169, side=64, narrow=TINY_ENCODER | {"channels": [2, 4, 8, 8, 8]}),
    "smp_unet": Case(24_436_369, side=64, narrow=TINY_SMP),
    "smp_unet_bit": Case(32_512_229, side=64, narrow=TINY_SMP),
    "smp_unetplusplus": Case(26_281_332, side=64, narrow=TINY_SMP),
    "unet": Case(34_527_106),
    "unet_slim": Case(7_765_985),
    "unit_unet": Case(47_103_682),
}

every_bundle = pytest.mark.parametrize("name", list_bundle_names())
every_mass_bundle = pytest.mark.parametrize(
    "name", [name for name in list_bundle_names() if not say_why_no_masses(name)]
)
"""The common recipe and the tiny data set are mammograms; those over BiT learn photographs, `click_unet` prompts."""


def full_network(name: str) -> Network:
    """Network of a bundle as configured, without memory."""
    with torch.device("meta"):
        return ConfigParser(render(name)["train"] | {"encoder_weights": None}).get_parsed_content("network_def")


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


@every_bundle
def test_generated_files_are_up_to_date(name):
    assert find_first_difference(name) is None


@every_bundle
def test_metadata_has_the_required_keys_and_its_version_in_the_changelog(name):
    metadata = render(name)["metadata"]
    assert metadata.keys() >= REQUIRED_METADATA
    assert metadata["version"] in metadata["changelog"]


@every_bundle
def test_train_and_inference_have_the_properties_that_monai_asks_for(name, dataset, tmp_path):
    configs = Path(locate_bundle(name)) / "configs"
    for part, kind in (("train", "train"), ("inference", "infer")):
        overrides = CASES[name].overrides(dataset, tmp_path, device="$torch.device('meta')")
        flow = ConfigWorkflow(str(configs / f"{part}.json"), workflow_type=kind, logging_file=False, **overrides)
        flow.initialize()
        assert flow.check_properties() == []


@every_bundle
def test_network_and_preprocessing_are_the_same_in_training_and_inference(name):
    configs = render(name)
    for key in ("network_def", "preprocessing", "spatial_size", "in_channels", "default_threshold"):
        assert configs["train"][key] == configs["inference"][key]
    threshold = configs["inference"]["threshold"]
    assert threshold["_target_"] == "mammoseg.checkpoints.checkpoint.read_chosen_threshold"
    assert threshold["otherwise"] == "@default_threshold"
    assert configs["train"]["validate"]["preprocessing"] == "@preprocessing"


@pytest.mark.parametrize("name", [name for name in list_bundle_names() if "evaluate" in render(name)])
def test_evaluation_takes_network_and_preprocessing_as_they_are_recorded(name):
    configs = render(name)
    evaluation = configs["train"] | configs["evaluate"]
    for key in ("network_def", "preprocessing", "spatial_size", "in_channels", "default_threshold"):
        assert not any(path.startswith(f"{key}::") for path in configs["evaluate"])
    for key in ("in_channels", "default_threshold"):
        assert configs["train"][key] == evaluation[key]
    assert evaluation["threshold"] == "$@checkpoint.threshold or @default_threshold"
    for key, function in (
        ("network_def", "checkpoint.build_trained_network"),
        ("preprocessing", "preprocessing.build_preprocessing"),
    ):
        assert evaluation[key]["_target_"] == f"mammoseg.checkpoints.{function}"
        assert evaluation[key]["weights"] == "@checkpoint"


def test_all_bundles_but_that_of_prompts_can_be_evaluated():
    assert {name for name in list_bundle_names() if "evaluate" not in render(name)} == {"click_unet"}


@every_bundle
def test_bundle_has_a_model_card_with_paper_and_limits(name):
    card = (Path(locate_bundle(name)) / "docs" / "README.md").read_text(encoding="utf-8")
    assert "doi" in card.lower() and "Research only" in card


@every_bundle
def test_network_has_the_published_number_of_parameters(name):
    assert sum(parameter.numel() for parameter in full_network(name).parameters()) == CASES[name].parameters


@every_bundle
def test_metadata_and_recipe_agree_with_the_network_on_channels_and_sizes(name):
    configs, network = render(name), full_network(name)
    data = configs["metadata"]["network_data_format"]
    image, pred = data["inputs"]["image"], data["outputs"]["pred"]
    channels = [image["num_channels"], pred["num_channels"]]
    assert channels == [network.config["in_channels"], network.config["out_channels"]]
    assert channels == [len(image["channel_def"]), len(pred["channel_def"])]
    assert image["spatial_shape"] == pred["spatial_shape"] == [f"{network.size_divisor}*n"] * 2
    assert all(side % network.size_divisor == 0 for side in configs["train"]["spatial_size"])


@pytest.mark.parametrize(
    "name", [name for name in list_bundle_names() if "encoder_weights" in render(name)["train"]["network_def"]]
)
def test_encoder_weights_of_the_command_line_reach_the_encoder(name, tmp_path):
    parser = ConfigParser(render(name)["train"] | {"encoder_weights": str(tmp_path / "absent.pt")})
    with torch.device("meta"), pytest.raises(RuntimeError) as failure:
        parser.get_parsed_content("network_def")
    assert "absent.pt are not a file" in str(failure.value.__cause__)


@every_bundle
def test_first_reference_is_the_paper_of_the_recipe(name):
    recipe = json.loads((Path(locate_bundle(name)) / "arch.json").read_text())["recipe"].split("_")[0]
    author, year = recipe[:-4], recipe[-4:]  # such as sun2020
    first, *_ = render(name)["metadata"]["references"]
    assert first.lower().startswith(author) and year in first
    assert any(word in first for word in ("doi:", "thesis", "no paper"))


@every_mass_bundle
def test_common_recipe_leaves_no_difference_but_the_network(name):
    def common(bundle: str) -> dict:
        configs = Path(locate_bundle(bundle)) / "configs"
        parser = ConfigParser()
        parser.read_config([str(configs / "train.json"), str(configs / "common_recipe.json")])
        return {
            key: value
            for key, value in parser.config.items()
            if key not in ("_meta_", "bundle_name", "in_channels", "network_def")
        }

    assert common(name) == common("unet")


@pytest.mark.parametrize("overlays", [(), ("common_recipe",)], ids=["paper", "common"])
@every_mass_bundle
def test_one_epoch_of_either_recipe_gives_weights_that_are_evaluated(name, overlays, dataset, tmp_path):
    overrides = CASES[name].overrides(dataset, tmp_path)
    workflow(name, *overlays, **overrides).run()
    (row,) = read_checkpoint(tmp_path / "models" / "checkpoint.pt")["training_log"]["rows"]
    assert math.isfinite(row["train_loss"])
    workflow(name, *overlays, "evaluate", run_id="evaluating", **overrides).run()
    assert len(read_per_image(tmp_path / "eval" / "per_image.csv")) == 6  # three images on two grids


def test_unknown_bundle_is_refused_with_the_known_ones():
    with pytest.raises(WrongCallError, match="unknown bundle 'unett'; known: .*unet"):
        locate_bundle("unett")


def test_misspelt_override_stops_the_build_with_file_section_and_key(copied_bundles):
    arch = copied_bundles / "unet" / "arch.json"
    arch.write_text(json.dumps(json.loads(arch.read_text()) | {"train": {"train::dataloader::batchsize": 2}}))
    with pytest.raises(BundleError, match="unet/arch.json, section 'train': 'train::dataloader::batchsize'"):
        render("unet")


def test_unknown_paper_stops_the_build(copied_bundles):
    arch = copied_bundles / "unet" / "arch.json"
    content = json.loads(arch.read_text())
    content["metadata"]["references"].append("nobody2020")
    arch.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="unet/arch.json: there is no paper 'nobody2020'"):
        render("unet")


def test_every_citation_is_cited():
    archs = [json.loads((BUNDLES_FOLDER / name / "arch.json").read_text()) for name in list_bundle_names()]
    cited = {key for arch in archs for key in arch["metadata"]["references"]}
    assert set(json.loads((BASE_FOLDER / "papers.json").read_text())) == cited


def test_edited_generated_file_is_found_and_its_first_difference_named(copied_bundles):
    train = copied_bundles / "unet" / "configs" / "train.json"
    train.write_text(json.dumps(json.loads(train.read_text()) | {"seed": 1}))
    assert "train.json differs at 'seed'" in find_first_difference("unet")


@pytest.mark.parametrize("place", ["bundle", "elsewhere"])
def test_training_runs_from_any_folder(place, dataset, tmp_path):
    root = Path(locate_bundle("unet"))
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


def test_inference_writes_a_mask_for_every_image_of_a_folder(dataset, tmp_path):
    write_bright_weights(tmp_path / "models" / "model.pt", spatial_size=(32, 32))
    overrides = {
        "dataset_dir": str(dataset / "images"),
        "ckpt_dir": str(tmp_path / "models"),
        "output_dir": str(tmp_path),
        "preprocessing::crop_to_breast": False,
        "preprocessing::remove_background": False,
        "spatial_size": [32, 32],
        "network_def::channels": [4, 8, 16],
    }
    config = Path(locate_bundle("unet")) / "configs" / "inference.json"
    flow = ConfigWorkflow(str(config), workflow_type="infer", logging_file=False, run_id="inferring", **overrides)
    flow.initialize()
    flow.run()
    assert len(list(tmp_path.glob("*.mask.png"))) == 12


def test_evaluation_refuses_weights_trained_at_another_size(dataset, trained):
    overrides = tiny_overrides(dataset, trained, spatial_size=[64, 64])
    with pytest.raises(RuntimeError) as failure:
        workflow("unet", "evaluate", run_id="evaluating", **overrides).run()
    assert r"spatial_size [32, 32] there, [64, 64] here" in str(failure.value.__cause__)


@pytest.mark.slow  # 60 epochs, twice: the better part of a minute
def test_two_processes_reach_the_validation_metric_of_one(dataset, tmp_path):
    configs = Path(locate_bundle("unet")) / "configs"
    metrics = {}
    for name, launcher, files in (
        ("one", ("-m", "monai.bundle"), f"{configs}/train.json"),
        (
            "two",
            ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle"),
            f"['{configs}/train.json','{configs}/multi_gpu_train.json']",
        ),
    ):
        overrides = tiny_overrides(dataset, tmp_path / name, max_epochs=60, batch_size=4, val_interval=5)
        overrides |= {"lr_scheduler::rates": [0.01] * 4}
        command("training", "--config_file", files, *as_arguments(overrides), cwd=tmp_path, launcher=launcher)
        saved = torch.load(tmp_path / name / "models" / "checkpoint.pt", weights_only=True)
        metrics[name] = saved["best_metric"]
    assert metrics["one"] > 0.9
    assert metrics["two"] == pytest.approx(metrics["one"], abs=0.1)


def test_bundles_are_taken_from_the_folder_that_the_environment_names(copied_bundles):
    (copied_bundles / "unet").rename(copied_bundles / "mine")
    listed = "from mammoseg.bundles import *; print(locate_bundle('mine')); print(*list_bundle_names())"
    environment = os.environ | {"MAMMOSEG_BUNDLES": str(copied_bundles)}
    done = subprocess.run([sys.executable, "-c", listed], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    root, names = done.stdout.splitlines()
    assert root == str(copied_bundles / "mine")
    assert {"mine", "aunet"} < {*names.split()} and "unet" not in names.split()
