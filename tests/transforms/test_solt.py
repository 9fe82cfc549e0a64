"""Grey transforms by the formulas of SOLT, with values worked out by hand."""

import pytest
import torch

from mammoseg.transforms.solt import RandBlendNoised, RandGammaCorrectiond, blend_noise, correct_gamma

IMAGE = torch.tensor([0.0, 0.25, 1.0]).reshape(1, 1, 3)


def test_a_gamma_of_two_is_a_square_root():
    assert correct_gamma(IMAGE, 2.0).flatten().tolist() == pytest.approx([0, 0.5, 1])


def test_noise_is_scaled_to_its_own_range_and_the_image_loses_what_it_gains():
    noise = torch.tensor([-3.0, 0, 1]).reshape(1, 1, 3)  # becomes 0, 0.75, 1
    assert blend_noise(IMAGE, noise, 0.4).flatten().tolist() == pytest.approx([0, 0.6 * 0.25 + 0.4 * 0.75, 1])


@pytest.mark.parametrize("make", [RandGammaCorrectiond, RandBlendNoised])
def test_it_is_drawn_as_often_as_told_and_the_same_from_one_seed(make):
    image = torch.rand(1, 8, 8)
    assert make("image", 0.0)({"image": image})["image"].equal(image)
    first, second = (make("image", 1.0).set_random_state(3)({"image": image})["image"] for _ in range(2))
    assert first.equal(second) and not first.equal(image) and 0 <= first.min() and first.max() <= 1


def test_the_gain_stays_below_its_limit():
    transform = RandBlendNoised("image", 1.0, gain=0.5).set_random_state(0)
    gains = []
    for _ in range(200):
        transform({"image": IMAGE})
        gains.append(transform.drawn)
    assert 0 <= min(gains) < 0.05 and 0.45 < max(gains) <= 0.5
