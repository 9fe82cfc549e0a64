"""What the network sees of prompts."""

import numpy as np
import pytest

from mammoseg.interactive.guidance import CHANNELS, RADIUS, build_network_input, standardise
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.view import make_square

VIEW = make_square(np.array([31.5, 31.5]), 64, grid=64)


def drawn(prompts: Prompts) -> np.ndarray:
    return build_network_input(np.full((64, 64), 0.5, np.float32), prompts, VIEW)


def test_grey_values_of_a_view_have_a_scale_of_their_own():
    shown = np.linspace(100, 200, 64 * 64, dtype=np.float32).reshape(64, 64)
    np.testing.assert_allclose(standardise(shown), standardise(shown / 7 - 3), atol=1e-4)
    assert standardise(np.ones((8, 8), np.float32)).tolist() == np.zeros((8, 8)).tolist()


def test_nothing_said_is_nothing_drawn():
    assert drawn(Prompts()).shape == (len(CHANNELS), 64, 64) and not drawn(Prompts()).any()


def test_clicks_are_discs_of_their_own_channels():
    channels = drawn(Prompts(np.array([[20.0, 30.0]]), np.array([[50.0, 10.0]])))
    for channel, (row, column) in ((channels[1], (20, 30)), (channels[2], (50, 10))):
        rows, columns = channel.nonzero()
        assert (rows.mean(), columns.mean()) == pytest.approx((row, column), abs=0.25)
        assert np.hypot(rows - row, columns - column).max() <= RADIUS + 1 and channel[row, column] == 1
    assert not channels[[0, 3, 4]].any()


def test_a_box_is_filled_and_strokes_are_lines():
    channels = drawn(Prompts(box=(10, 20, 30, 50), inside=(np.array([[40.0, 5.0], [40.0, 55.0]]),)))
    assert channels[3, 10:30, 20:50].all()
    assert channels[3].sum() <= 21 * 31, "OpenCV fills the pixels that the edge touches"
    assert channels[1, 40, 5:55].all() and not channels[1, 52:].any()


def test_the_mask_so_far_is_shown_where_it_is():
    mask = np.zeros((64, 64), bool)
    mask[5:9, 7:20] = True
    assert (drawn(Prompts(mask=mask))[4] == mask).all()
