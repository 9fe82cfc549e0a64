"""Photographs: three channels, and refusals."""

import numpy as np
import pytest
from PIL import Image

from mammoseg.data.photographs import read_photograph
from mammoseg.errors import InputRefusedError


def test_channels_are_red_green_blue_and_come_first(tmp_path):
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 2] = (250, 100, 7)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photograph = read_photograph(tmp_path / "a.png")
    assert photograph.shape == (3, 2, 3) and photograph.dtype == np.float32
    assert photograph[:, 0, 2].tolist() == [250, 100, 7]


def test_a_grey_picture_gives_equal_channels(tmp_path):
    Image.fromarray(np.array([[5, 9]], np.uint8)).save(tmp_path / "a.png")
    assert read_photograph(tmp_path / "a.png").tolist() == [[[5, 9]]] * 3


@pytest.mark.parametrize(("name", "kept"), [("a.png", 60), ("a.jpg", 200), ("a.jpg", 0)])
def test_a_damaged_picture_is_refused(name, kept, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:kept])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_photograph(tmp_path / name)
