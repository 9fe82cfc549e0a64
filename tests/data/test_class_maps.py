"""Class maps of Pascal VOC: read by palette or by grey value, of the size of their image."""

import numpy as np
import pytest
from PIL import Image

from mammoseg.data.class_maps import make_voc_palette, read_class_map, write_class_map
from mammoseg.errors import InputRefusedError

CLASSES = np.array([[0, 1, 20], [255, 3, 0]], np.uint8)


def test_palette_has_the_colours_that_the_development_kit_prints():
    colours = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    palette = make_voc_palette()
    assert {number: tuple(palette[number].tolist()) for number in colours} == colours


def test_a_written_class_map_is_read_again_and_shows_its_colours(tmp_path):
    write_class_map(tmp_path / "a.png", CLASSES)
    assert (read_class_map(tmp_path / "a.png") == CLASSES).all()
    assert Image.open(tmp_path / "a.png").convert("RGB").getpixel((2, 0)) == (0, 64, 128)


def test_a_grey_class_map_is_read_by_its_values(tmp_path):
    Image.fromarray(CLASSES).save(tmp_path / "a.png")
    assert (read_class_map(tmp_path / "a.png") == CLASSES).all()


def test_a_class_map_in_colour_is_refused(tmp_path):
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputRefusedError, match="E_COLOUR: the class map has mode RGB"):
        read_class_map(tmp_path / "a.png")


def test_a_class_map_of_another_size_is_refused(tmp_path):
    write_class_map(tmp_path / "a.png", CLASSES)
    with pytest.raises(InputRefusedError, match="E_SHAPE: the class map is 2 x 3, its image 3 x 2"):
        read_class_map(tmp_path / "a.png", shape=(3, 2))
