"""Preprocessing of photographs, and the way back."""

import numpy as np
import pytest
import torch
from monai.transforms import Invertd
from PIL import Image

from mammoseg.data.class_maps import write_class_map
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.photographs import build_photograph_preprocessing


@pytest.fixture
def item(tmp_path):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = (255, 0, 51)
    classes = np.zeros((4, 8), np.uint8)
    classes[:, 4:] = 20
    classes[0] = 255
    Image.fromarray(pixels).save(tmp_path / "image.png")
    write_class_map(tmp_path / "label.png", classes)
    return {"image": str(tmp_path / "image.png"), "label": str(tmp_path / "label.png")}


def test_colours_lie_between_minus_one_and_one_channel_first(item):
    image = build_photograph_preprocessing(spatial_size=[4, 8])(item)["image"]
    assert image.shape == (3, 4, 8) and image.dtype == torch.float32
    assert image[:, 0, 0].tolist() == [-1, -1, -1]
    assert image[:, 0, 7].tolist() == pytest.approx([1, -1, -0.6])


def test_class_numbers_are_never_interpolated(item):
    label = build_photograph_preprocessing(spatial_size=[6, 12])(item)["label"]
    assert label.shape == (1, 6, 12)
    assert set(label.unique().tolist()) == {0, 20, 255}


def test_a_prediction_goes_back_to_the_grid_of_the_file(item):
    prepared = build_photograph_preprocessing(spatial_size=[8, 8])
    done = prepared({"image": item["image"]})
    done["pred"] = done["image"].clone()
    back = Invertd("pred", prepared, orig_keys="image", nearest_interp=False)(done)["pred"]
    assert back.shape == (3, 4, 8)
    assert torch.equal(back, build_photograph_preprocessing(spatial_size=[4, 8])(item)["image"])


def test_the_cache_gives_back_what_was_made(item, tmp_path):
    for _ in range(2):
        dataset = CachedDataset(
            [item], build_photograph_preprocessing(spatial_size=[8, 8]), cache_dir=tmp_path / "cache"
        )
        made = build_photograph_preprocessing(spatial_size=[8, 8])(item)
        assert torch.allclose(dataset[0]["image"], made["image"], rtol=0, atol=2 / 4096)  # of a range of 2
        assert torch.equal(dataset[0]["label"], made["label"])
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_settings_are_the_arguments_that_make_the_same_list():
    settings = build_photograph_preprocessing(spatial_size=(8, 16)).settings
    assert settings == {"spatial_size": [8, 16], "value_range": [-1.0, 1.0]}
    assert build_photograph_preprocessing(**settings).settings == settings
