"""Augmentations stated for grey values of 0 to 1 work on any normalisation."""

import torch
from monai.data import MetaTensor
from monai.transforms import Lambdad, RandAffined, RandGaussianNoised, RandShiftIntensityd

from mammoseg.transforms.augment_grey import AugmentGreyd

IMAGE = torch.tensor([[-1.0, 0.0], [1.0, 3.0]]).repeat(3, 1, 1)  # three equal channels of -1 to 3


def item(image: torch.Tensor = IMAGE) -> dict:
    return {"image": MetaTensor(image.clone()), "label": MetaTensor(torch.ones(1, *image.shape[1:]))}


def test_transforms_see_one_channel_of_zero_to_one():
    seen = []
    AugmentGreyd("image", [Lambdad("image", lambda image: seen.append(image) or image)])(item())
    assert seen[0].tolist() == [[[0.0, 0.25], [0.5, 1.0]]]


def test_without_transforms_the_image_stays_as_it_is():
    assert torch.allclose(AugmentGreyd("image", [])(item())["image"], IMAGE)


def test_shift_is_a_share_of_the_range_and_cut_at_its_ends():
    shift = RandShiftIntensityd("image", offsets=(0.25, 0.25), prob=1)  # a quarter of the range of 4
    shifted = AugmentGreyd("image", [shift])(item())["image"]
    assert shifted[0].tolist() == [[0.0, 1.0], [2.0, 3.0]]


def test_zeros_that_a_shift_brings_in_are_background():
    image = torch.full((1, 8, 8), 2.0)
    image[0, 0, 0] = -1  # background
    move = RandAffined("image", prob=1, translate_range=((4, 4), (0, 0)), padding_mode="zeros")
    assert (AugmentGreyd("image", [move])(item(image))["image"][0] == -1).sum() >= 32


def test_channels_stay_equal_and_the_label_untouched():
    noisy = AugmentGreyd("image", [RandGaussianNoised("image", prob=1, std=0.5)])(item())
    assert torch.equal(noisy["image"][0], noisy["image"][2])
    assert torch.equal(noisy["label"], torch.ones(1, 2, 2))


def test_constant_image_stays_finite():
    assert AugmentGreyd("image", [])(item(torch.zeros(3, 2, 2)))["image"].tolist() == torch.zeros(3, 2, 2).tolist()


def test_same_seed_gives_the_same_draw():
    augment = AugmentGreyd("image", [RandGaussianNoised("image", prob=1, std=0.5)])
    first, second = (augment.set_random_state(seed=7)(item())["image"] for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, augment(item())["image"])
