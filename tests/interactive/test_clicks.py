"""What a click or stroke outside takes away."""

import numpy as np
from scipy.ndimage import gaussian_filter, label

from mammoseg.interactive.clicks import CLICK_RADIUS_PIXELS, without_clicked_out
from mammoseg.interactive.prompts import Prompts


def random_mask(random: np.random.Generator) -> np.ndarray:
    return gaussian_filter(random.standard_normal((64, 48)), 3) > 0


def test_a_click_out_removes_its_pixel_and_the_connected_part_within_ten_pixels_of_200_random_masks():
    random = np.random.default_rng(0)
    for _ in range(200):
        mask = random_mask(random)
        row, column = random.choice(np.argwhere(mask))
        rows, columns = np.ogrid[:64, :48]
        near = mask & (np.hypot(rows - row, columns - column) <= CLICK_RADIUS_PIXELS)
        parts, _ = label(near, np.ones((3, 3)))
        part = parts == parts[row, column]
        left = without_clicked_out(mask, Prompts(background=np.array([[row, column]])))
        assert not left[part].any()
        assert (left == (mask & ~part)).all()


def test_a_click_out_removes_what_it_was_made_on_in_the_mask_so_far_though_the_model_let_its_own_pixel_go():
    before = np.zeros((1, 9), bool)
    before[0, 2:7] = True
    drawn = before.copy()
    drawn[0, 4] = False
    prompts = Prompts(background=np.array([[0, 4]]), mask=before)
    assert not without_clicked_out(drawn, prompts).any()


def test_what_is_nearer_to_a_mark_inside_stays_and_a_part_that_does_not_touch_too():
    mask = np.ones((1, 30), bool)
    mask[0, 22] = False
    prompts = Prompts(foreground=np.array([[0.0, 10.0]]), background=np.array([[0.0, 18.0]]))
    left = without_clicked_out(mask, prompts)
    assert left[0].nonzero()[0].tolist() == [*range(14), *range(23, 30)]


def test_a_stroke_outside_removes_the_pixels_between_its_points_and_no_more():
    stroke = (np.array([[2.0, 0.0], [2.0, 5.0]]),)
    left = without_clicked_out(np.ones((6, 6), bool), Prompts(outside=stroke))
    assert (~left).nonzero()[0].tolist() == [2] * 6


def test_a_click_on_the_last_half_pixel_of_the_image_is_on_its_last_pixel():
    left = without_clicked_out(np.ones((4, 4), bool), Prompts(background=np.array([[3.9, 3.9]])), radius=0)
    assert np.argwhere(~left).tolist() == [[3, 3]]
