"""Hashes of pixels: one that any change alters, one that copies keep."""

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mammoseg.data.pixel_hashes import NEAR, SIDE, count_differing_bits, hash_perceptually, hash_pixels


def make_film(seed):
    """A smooth picture of its own, 12 bits deep, 96 x 64."""
    noise = np.random.default_rng(seed).random((12, 8)).astype(np.float32)
    return (cv2.resize(noise, (64, 96), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 4000).astype(np.uint16)


def test_the_same_values_have_one_hash_whatever_kind_of_number_holds_them():
    film = make_film(0)
    assert hash_pixels(film) == hash_pixels(film.astype(np.float64)) == hash_pixels(np.asfortranarray(film))
    assert len(hash_pixels(film)) == 64


def test_one_grey_level_of_one_pixel_and_another_shape_give_another_hash():
    film = make_film(0)
    changed = film.copy()
    changed[50, 30] += 1
    assert len({hash_pixels(film), hash_pixels(changed), hash_pixels(film.reshape(64, 96))}) == 3


@pytest.mark.parametrize(
    "copy",
    [
        lambda film: np.rint(film / 4000 * 255).astype(np.uint8),
        lambda film: cv2.resize(film, (32, 48), interpolation=cv2.INTER_AREA),
        lambda film: cv2.resize(film, (64, 64), interpolation=cv2.INTER_AREA),
    ],
    ids=["8 bits", "half the size", "another aspect"],
)
def test_a_copy_differs_in_a_few_bits(copy):
    film = make_film(0)
    assert np.count_nonzero(hash_perceptually(film) != hash_perceptually(copy(film))) <= NEAR


def test_another_picture_differs_in_many_bits_and_half_of_all_are_set():
    first, second = hash_perceptually(make_film(0)), hash_perceptually(make_film(1))
    assert first.shape == (SIDE**2,) and np.count_nonzero(first) == SIDE**2 / 2
    assert np.count_nonzero(first != second) > 3 * NEAR


def test_differing_bits_are_those_that_scipy_counts():
    bits = np.random.default_rng(0).random((7, SIDE**2)) > 0.5
    expected = np.rint(cdist(bits[:3], bits[3:], "hamming") * SIDE**2)
    counted = count_differing_bits(bits[:3], bits[3:])
    assert counted.dtype == np.int64 and counted.tolist() == expected.tolist()
