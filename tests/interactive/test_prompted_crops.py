"""What the network that takes prompts learns from, and that its training goes on exactly."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.data.datalist import load_section
from mammoseg.interactive.prompted_crops import KINDS, PromptedCrops, draw_prompts
from mammoseg.interactive.prompts import check_prompts
from mammoseg.transforms.prompted import build_prompted_preprocessing
from tests.interactive.made_masses import made_film
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset

PREPROCESSING = build_prompted_preprocessing(spatial_size=(64, 64), channels=5, frame=(64, 64))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data"))


def crops(dataset: Path, **options) -> PromptedCrops:
    data = load_section(str(dataset / "datalist.json"), "training")
    return PromptedCrops(data, PREPROCESSING, cache_dir=dataset / "cache", **options)


def test_a_crop_depends_on_seed_epoch_and_index_alone(dataset):
    one, other, another = crops(dataset), crops(dataset), crops(dataset, seed=1)
    for each in (one, other, another):
        each.set_epoch(3)
    list(other)  # whatever was drawn before
    assert torch.equal(one[4]["image"], other[4]["image"]) and torch.equal(one[4]["label"], other[4]["label"])
    assert not torch.equal(one[4]["image"], another[4]["image"])
    other.set_epoch(4)
    assert not torch.equal(one[4]["image"], other[4]["image"])


def test_a_crop_has_the_channels_of_the_network_and_shows_the_mass(dataset):
    for item in crops(dataset):
        assert item["image"].shape == (5, 64, 64) and item["image"].dtype == torch.float32
        assert item["label"].shape == (1, 64, 64) and item["label"].unique().tolist() == [0, 1]
        bright = item["image"][0] > 0
        assert bright[item["label"][0] > 0].float().mean() > 0.9


def test_films_without_a_mass_teach_nothing_and_are_left_out(dataset):
    data = load_section(str(dataset / "datalist.json"), "training")
    data[0] = {**data[0], "has_mass": False}
    assert len(PromptedCrops(data, PREPROCESSING, cache_dir=None)) == 5


def test_drawn_prompts_fit_their_image_and_come_in_every_kind():
    _, (mass, _) = made_film()
    kinds = {"clicks out": 0, "mask": 0, "box": 0, "strokes": 0, "one click alone": 0}
    for seed in range(200):
        prompts = draw_prompts(mass, np.random.default_rng(seed))
        check_prompts(prompts, mass.shape)
        alone = len(prompts.foreground) == 1 and not len(prompts.background) and prompts.mask is None
        kinds["clicks out"] += len(prompts.background) > 0
        kinds["mask"] += prompts.mask is not None
        kinds["box"] += prompts.box is not None
        kinds["strokes"] += len(prompts.inside) > 0
        kinds["one click alone"] += alone and prompts.box is None
    assert sum(KINDS.values()) == pytest.approx(1)
    assert min(kinds.values()) >= 5 and kinds["one click alone"] >= 40 and kinds["box"] >= 15


def test_what_a_network_of_prompts_sees_of_a_file_has_guidance_that_says_nothing(dataset):
    record = load_section(str(dataset / "datalist.json"), "training")[0]
    image = PREPROCESSING({"image": record["image"]})["image"]
    assert image.shape == (5, 64, 64) and image[0].any() and not image[1:].any()


def test_an_interrupted_training_ends_with_the_weights_of_an_undisturbed_one(dataset, tmp_path):
    for run, epochs in (("undisturbed", 2), ("interrupted", 1), ("interrupted", 2)):
        changes = {
            "spatial_size": [64, 64],
            "network_def::encoder": "test_resnet",
            "network_def::channels": 2,
            "encoder_weights": None,
            "preprocessing::frame": [64, 64],
            "lr_scheduler::epochs": 6,
            "lr_scheduler::warmup": 1,
            "max_epochs": epochs,
        }
        workflow("click_unet", **tiny_overrides(dataset, tmp_path / run, **changes)).run()
    one, other = (
        read_checkpoint(tmp_path / run / "models" / "checkpoint.pt") for run in ("undisturbed", "interrupted")
    )
    assert other["epoch"] == 2 and np.isfinite(other["training_log"]["rows"][-1]["train_loss"])
    assert all(torch.equal(one["model"][key], other["model"][key]) for key in one["model"])
    assert one["network"]["in_channels"] == 5 and one["preprocessing"] == other["preprocessing"]
