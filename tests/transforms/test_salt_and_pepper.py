"""Salt-and-pepper noise."""

import pytest
import torch
from monai.data import MetaTensor

from mammoseg.transforms.salt_and_pepper import RandSaltAndPepperd, add_salt_and_pepper


def test_half_of_the_share_becomes_pepper_and_half_salt():
    chance = torch.tensor([[0.04, 0.06], [0.94, 0.96]])
    noisy = add_salt_and_pepper(torch.full((2, 2, 2), 0.5), chance, share=0.1)
    assert noisy.tolist() == [[[0.0, 0.5], [0.5, 1.0]]] * 2


def test_share_is_drawn_up_to_the_given_one():
    noise = RandSaltAndPepperd("image", prob=1, share=0.1).set_random_state(seed=0)
    image, shares = MetaTensor(torch.full((1, 100, 100), 0.5)), []
    for _ in range(30):
        shares.append(float((noise({"image": image})["image"] != 0.5).float().mean()))
    assert max(shares) == pytest.approx(0.1, abs=0.02)
    assert min(shares) < 0.03


def test_probability_zero_leaves_the_image():
    image = MetaTensor(torch.rand(1, 4, 4))
    assert torch.equal(RandSaltAndPepperd("image", prob=0)({"image": image})["image"], image)
