"""Where a network that takes prompts looks."""

import numpy as np
import pytest

from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.view import CropView, build_levels, choose_square, cut, make_square, measure_breast_height
from tests.interactive.made_masses import made_film


def test_a_view_of_a_square_shows_its_pixels_and_points_lie_where_they_are_shown():
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    view = make_square(np.array([4.5, 5.5]), 4, grid=4)
    np.testing.assert_allclose(view.cut(image), image[3:7, 4:8])
    np.testing.assert_allclose(view.to_grid(np.array([[3.0, 4.0], [6.0, 7.0]])), [[0, 0], [3, 3]])


def test_what_comes_back_from_a_turned_and_mirrored_view_lies_on_what_it_showed():
    image, (mass, _) = made_film()
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) @ np.diag([1.0, -0.9])
    view = CropView(np.array([60.0, 50.0]), turn, 96)
    back = view.move_back(view.cut(mass.astype(np.float32)), mass.shape) > 0.5
    assert (back ^ mass).sum() < 0.03 * mass.sum()


@pytest.mark.parametrize("scale", [1.0, 2.5, 5.0])
def test_smaller_copies_of_an_image_show_what_the_image_does(scale):
    image = np.add.outer(np.arange(200.0), 2 * np.arange(200.0)).astype(np.float32)
    view = CropView(np.array([100.0, 90.0]), np.eye(2) * scale, 16)
    np.testing.assert_allclose(cut(build_levels(image, 4), view), view.cut(image), atol=1e-3)


def test_one_click_is_looked_at_in_28_per_cent_of_the_breasts_height_around_it():
    centre, side = choose_square(Prompts(foreground=np.array([[30.0, 40.0]])), breast_height=500)
    assert centre.tolist() == [30, 40] and side == pytest.approx(140)


def test_a_box_is_shown_twice_as_large_and_a_click_beside_it_is_in_view():
    box = (100.0, 100.0, 150.0, 140.0)
    centre, side = choose_square(Prompts(box=box), breast_height=500)
    assert centre.tolist() == [124.5, 119.5] and side == 100
    centre, side = choose_square(Prompts(foreground=np.array([[199.0, 120.0]]), box=box), breast_height=500)
    assert side == 200 and centre[0] == 149.5


def test_a_mask_of_one_pixel_is_not_enlarged_without_end():
    mask = np.zeros((50, 50), bool)
    mask[10, 20] = True
    assert choose_square(Prompts(mask=mask), breast_height=500)[1] == pytest.approx(40)


def test_height_of_the_breast_is_in_pixels_of_the_image():
    image, _ = made_film()
    assert measure_breast_height(image) == pytest.approx(151, abs=8)
