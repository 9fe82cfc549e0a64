import cv2
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from mammoseg.transforms.functional.breast import recorded_breast
from mammoseg.transforms.original_grid import OriginalGridd
from mammoseg.transforms.pipelines import preprocessing


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
    pipeline = preprocessing(**{"crop_border": False, "crop_to_breast": False} | settings)
    item = pipeline(files)
    item["pred"] = MetaTensor(torch.ones(1, *settings["spatial_size"]))
    return pipeline, OriginalGridd(pipeline)(item)


def test_no_mass_outside_the_breast_is_scored_on_the_grid_of_the_file(files):
    pipeline, item = scored(files, spatial_size=(32, 16))
    breast = recorded_breast(pipeline.read(files["image"]))
    assert not breast[:10, :10].any()
    np.testing.assert_array_equal(item["pred_original"][0].numpy(), breast)


def test_nor_on_the_grid_of_the_network_whose_image_was_turned(files):
    pipeline, item = scored(files, spatial_size=(64, 48))
    breast = recorded_breast(pipeline.read(files["image"]))
    np.testing.assert_array_equal(item["pred"][0].numpy(), breast[:, ::-1])


def test_nor_where_the_image_was_cropped_and_padded(files):
    _, item = scored(files, spatial_size=(64, 64), crop_to_breast=True, aspect="pad")
    is_breast = item["image"][0].numpy() > 0
    assert item["pred"][0].numpy()[is_breast].all()
    assert not item["pred"][0].numpy()[:, 45:].any(), "what was padded"
