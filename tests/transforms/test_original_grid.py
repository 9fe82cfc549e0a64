"""Scores on the grid of the file: where there is breast, and mass by mass."""

import json

import cv2
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from mammoseg.transforms.functional.breast import find_recorded_breast
from mammoseg.transforms.original_grid import OriginalGridd
from mammoseg.transforms.pipelines import build_film_preprocessing


@pytest.fixture
def files(tmp_path):
    """A breast at the right, a film label at the left, and a mask without a mass; 64 x 48."""
    image = np.zeros((64, 48), np.uint8)
    cv2.ellipse(image, (48, 32), (30, 30), 0, 0, 360, 90, -1)
    image[4:8, 2:6] = 255
    paths = {"image": str(tmp_path / "a.png"), "label": str(tmp_path / "mask.png")}
    cv2.imwrite(paths["image"], image)
    cv2.imwrite(paths["label"], np.zeros_like(image))
    return paths


def scored(files, **settings):
    """Item of a network that sees mass everywhere, as it is scored."""
    pipeline = build_film_preprocessing(**{"crop_border": False, "crop_to_breast": False} | settings)
    item = pipeline(files)
    item["pred"] = MetaTensor(torch.ones(1, *settings["spatial_size"]))
    return pipeline, OriginalGridd(pipeline)(item)


def test_no_mass_outside_the_breast_is_scored_on_the_grid_of_the_file(files):
    pipeline, item = scored(files, spatial_size=(32, 16))
    breast = find_recorded_breast(pipeline.read(files["image"]))
    assert not breast[:10, :10].any()
    np.testing.assert_array_equal(item["pred_original"][0].numpy(), breast)


def test_nor_on_the_grid_of_the_network_whose_image_was_turned(files):
    pipeline, item = scored(files, spatial_size=(64, 48))
    breast = find_recorded_breast(pipeline.read(files["image"]))
    np.testing.assert_array_equal(item["pred"][0].numpy(), breast[:, ::-1])


def test_nor_where_the_image_was_cropped_and_padded(files):
    _, item = scored(files, spatial_size=(64, 64), crop_to_breast=True, aspect="pad")
    is_breast = item["image"][0].numpy() > 0
    assert item["pred"][0].numpy()[is_breast].all()
    assert not item["pred"][0].numpy()[:, 45:].any(), "what was padded"


def test_masses_that_touch_stay_two_on_both_grids(files, tmp_path):
    masses = np.zeros((2, 64, 48), np.uint8)
    masses[0, 20:40, 20:30] = masses[1, 20:40, 30:40] = 255
    paths = [str(tmp_path / f"mass{number}.png") for number in range(2)]
    for path, mass in zip(paths, masses, strict=True):
        cv2.imwrite(path, mass)
    cv2.imwrite(files["label"], masses.max(axis=0))

    pipeline = build_film_preprocessing(spatial_size=(32, 24), crop_border=False, crop_to_breast=False)
    item = pipeline(files) | {"pred": MetaTensor(torch.ones(1, 32, 24)), "instances": json.dumps(paths)}
    found = OriginalGridd(pipeline)(item)

    assert [lesion.area for lesion in found["lesions_original"]] == [200, 200]
    assert [lesion.area for lesion in found["lesions"]] == [50, 50]
    assert found["lesions"][0].box == (slice(10, 20), slice(9, 14))  # turned: from columns 10 to 14
    assert sum(lesion.area for lesion in found["lesions"]) == int(found["label"].sum())


def test_without_a_mask_of_each_mass_there_are_none_one_by_one(files):
    assert "lesions" not in scored(files, spatial_size=(32, 16))[1]
