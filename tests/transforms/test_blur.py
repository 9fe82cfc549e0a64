"""Blur with a few kernel sizes."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from mammoseg.transforms.blur import RandBlurd, apply_gaussian_blur, apply_median_blur


def dot() -> np.ndarray:
    channel = np.zeros((15, 15), np.float32)
    channel[7, 7] = 1
    return channel


def test_median_removes_a_single_pixel():
    assert apply_median_blur(dot(), size=3).max() == 0


def test_median_keeps_an_edge_and_its_8_bit_value():
    channel = np.repeat([[0.0] * 5 + [0.4] * 5], 10, axis=0).astype(np.float32)
    assert apply_median_blur(channel, size=3) == pytest.approx(channel, abs=1e-6)  # 0.4 is 102 of 255


def test_gaussian_is_cut_at_its_kernel():
    blurred = apply_gaussian_blur(dot(), size=3, sigma=5)
    assert (blurred > 0).sum() == 9
    assert blurred.sum() == pytest.approx(1, abs=1e-5)


def test_kernel_sizes_and_sigma_are_drawn_from_the_given_ones():
    blur = RandBlurd("image", prob=1, sizes=(3, 7, 11), sigma=(1, 5)).set_random_state(seed=0)
    draws = []
    for _ in range(50):
        blur.randomize(None)
        draws.append((blur.size, blur.drawn_sigma))
    assert {size for size, _ in draws} == {3, 7, 11}
    assert 1 <= min(sigma for _, sigma in draws) < 2 < 4 < max(sigma for _, sigma in draws) <= 5


def test_image_is_blurred_and_keeps_its_metadata():
    image = MetaTensor(torch.as_tensor(dot()[None]), meta={"name": "dot"})
    blurred = RandBlurd("image", prob=1)({"image": image})["image"]
    assert blurred.max() == 0
    assert blurred.meta["name"] == "dot"


def test_probability_zero_leaves_the_image():
    image = MetaTensor(torch.as_tensor(dot()[None]))
    assert torch.equal(RandBlurd("image", prob=0)({"image": image})["image"], image)
