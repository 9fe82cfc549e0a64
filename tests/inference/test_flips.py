"""Flips at test give the mean of two probabilities, as logits of the same head."""

import pytest
import torch

from mammoseg.inference.flips import FlipInferer

IMAGE = torch.tensor([[[[2.0], [-1.0]]]])


def test_without_flips_it_gives_what_the_network_gives():
    assert torch.equal(FlipInferer(False)(IMAGE, lambda image: image**3), IMAGE**3)


@pytest.mark.parametrize("channels", [1, 2])
def test_with_flips_each_pixel_has_the_mean_of_its_two_probabilities(channels):
    probability = torch.tensor([[[[0.8], [0.4]]]])

    def network(image):
        """0.8 in the first row and 0.4 in the second, whichever way up the image is."""
        logits = torch.logit(probability)
        return logits if channels == 1 else torch.cat([torch.zeros_like(logits), logits], dim=1)

    logits = FlipInferer(True)(IMAGE, network)
    found = logits.sigmoid() if channels == 1 else logits.softmax(dim=1)[:, 1:]
    assert torch.allclose(found, torch.tensor([[[[0.6], [0.6]]]]))


def test_a_network_that_sees_each_pixel_alone_gives_the_same_with_flips():
    assert torch.allclose(FlipInferer(True)(IMAGE, lambda image: 3 * image), 3 * IMAGE, atol=1e-4)


def test_certain_probabilities_stay_finite():
    logits = FlipInferer(True)(IMAGE, lambda image: 200 * image)
    assert logits.isfinite().all() and (logits.sigmoid() > 0.5).tolist() == [[[[True], [False]]]]
