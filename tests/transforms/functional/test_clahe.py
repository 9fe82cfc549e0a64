"""Local equalisation: what it keeps, and that it may be done at the size of the network."""

import cv2
import numpy as np

from mammoseg.transforms.functional.clahe import apply_clahe
from mammoseg.transforms.functional.crop_to_breast import crop_to_breast
from mammoseg.transforms.functional.orient_left import orient_left
from mammoseg.transforms.functional.scale_intensity import scale_intensity


def test_clahe_keeps_background_and_range_and_spreads_the_middle():
    image = np.random.default_rng(0).normal(1000, 20, (128, 128)).astype(np.float32)
    image[0, :2] = 0, 4000
    equalised = apply_clahe(image, clip_limit=4.0)
    assert (equalised.min(), equalised.max()) == (0, 4000)
    assert equalised.std() > 3 * image.std()


def test_clahe_at_network_size_shows_the_network_the_same_as_at_full_size(shared_data):
    from mammoseg.data.mammogram import read_mammogram

    pixels = read_mammogram(shared_data / "dicom_mg" / "GH133_GE_MLO_jpegls14sv1_12bit.dcm").pixels
    breast = orient_left(crop_to_breast(pixels), laterality="R")

    def at_network_size(image):
        return cv2.resize(np.ascontiguousarray(image), (256, 256), interpolation=cv2.INTER_AREA)

    here = scale_intensity(apply_clahe(at_network_size(breast), clip_limit=2.0), method="unit")
    there = scale_intensity(at_network_size(apply_clahe(np.ascontiguousarray(breast), clip_limit=2.0)), method="unit")
    assert np.abs(here - there).mean() < 0.015
    assert np.corrcoef(here.ravel(), there.ravel())[0, 1] > 0.997
