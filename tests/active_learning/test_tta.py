"""Augmented views come back to where they were."""

import torch

from mammoseg.active_learning.tta import make_light_views, undo_light_views


def test_the_first_view_is_the_image():
    image = torch.rand(3, 8, 6)
    assert torch.equal(make_light_views(image)[0], image)


def test_a_network_that_only_copies_gives_each_view_on_the_grid_of_the_image():
    image = torch.rand(1, 8, 6)
    back = undo_light_views(make_light_views(image))
    assert back.shape == (6, 1, 8, 6)
    assert torch.equal(back[0], back[1])
    assert torch.equal(back[2], back[3])
    assert not torch.equal(back[0], back[2])


def test_gamma_keeps_lowest_and_highest_value():
    views = make_light_views(torch.tensor([[[-2.0, 0.0, 2.0]]]))
    torch.testing.assert_close(views[2], torch.tensor([[[-2.0, 0.5**0.8 * 4 - 2, 2.0]]]))


def test_a_constant_image_stays_as_it_is():
    assert torch.equal(make_light_views(torch.ones(1, 2, 2)), torch.ones(6, 1, 2, 2))
