"""What an exported bundle serves by its threshold is held to the rules of `predict`."""

import cv2
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from mammoseg.errors import InputRefusedError
from mammoseg.inference.keep_masses import KeepMassesd
from mammoseg.transforms.pipelines import build_film_preprocessing


@pytest.fixture
def item(tmp_path):
    """A breast of 100 x 40 pixels at the left and black at the right; probability 0.1 everywhere."""
    pixels = np.zeros((100, 80), np.uint8)
    pixels[:, :40] = 90
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    image = MetaTensor(torch.zeros(1, 32, 32), meta={"filename_or_obj": str(tmp_path / "a.png")})
    return {"image": image, "pred": MetaTensor(torch.full((1, 100, 80), 0.1))}


def kept(item):
    step = KeepMassesd("pred", preprocessing=build_film_preprocessing(spatial_size=(32, 32), channels=1), threshold=0.5)
    return step(item)["pred"]


def test_a_mass_stays_and_what_lies_outside_the_breast_goes(item):
    for box in (np.s_[:, 20:30, 10:20], np.s_[:, 20:30, 65:75]):
        item["pred"][box] = 0.9
    result = kept(item)
    assert result.shape == (1, 100, 80) and result.dtype == torch.float32
    assert (result > 0).nonzero()[:, 1:].amin(0).tolist() == [20, 10] and int((result > 0).sum()) == 100
    assert result.max() == torch.tensor(0.9)


def test_an_image_without_a_mass_is_all_zero(item):
    assert not kept(item).any()


def test_masses_that_cannot_be_are_refused(item):
    item["pred"][:] = 0.9
    with pytest.raises(InputRefusedError, match="E_TOO_LARGE"):
        kept(item)
