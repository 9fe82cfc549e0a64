"""The functions behind the transforms, on arrays small enough to check by hand."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from mammoseg.transforms.functional.breast import find_bounding_box, find_breast_mask
from mammoseg.transforms.functional.clahe import apply_clahe
from mammoseg.transforms.functional.crop_border import crop_border, find_border_box
from mammoseg.transforms.functional.crop_negligible import find_dark_frame_box
from mammoseg.transforms.functional.crop_to_breast import crop_to_breast, find_breast_box
from mammoseg.transforms.functional.crop_to_mass import find_mass_box
from mammoseg.transforms.functional.geometry import (
    Box,
    compute_flip_matrix,
    compute_resize_matrix,
    crop,
    resize,
    uncrop,
)
from mammoseg.transforms.functional.orient_left import faces_left_wall, needs_flip, orient_left
from mammoseg.transforms.functional.pad import pad
from mammoseg.transforms.functional.remove_background import remove_background
from mammoseg.transforms.functional.scale_intensity import scale_intensity


def breast_and_label():
    """200 x 100: breast in rows 40..159 and columns 0..49, label in rows 10..19 and columns 85..94."""
    image = np.zeros((200, 100), np.float32)
    image[40:160, :50] = 1000
    image[10:20, 85:95] = 3000
    return image


def test_the_functions_need_no_torch():
    program = (
        "import importlib, pkgutil, sys, mammoseg.transforms.functional as package\n"
        "for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "import mammoseg.data.mammogram, mammoseg.data.masks, mammoseg.dicom.read\n"
        "sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_crop_and_uncrop():
    array = np.arange(12).reshape(1, 3, 4)
    box = Box(top=1, left=2, height=2, width=1)
    assert crop(array, box).tolist() == [[[6], [10]]]
    assert uncrop(crop(array, box), box, (3, 4)).tolist() == [[[0, 0, 0, 0], [0, 0, 6, 0], [0, 0, 10, 0]]]


def test_resize_by_area_is_the_mean_of_the_covered_pixels():
    assert resize(np.array([[[0, 2, 4, 6], [2, 4, 6, 8]]], np.float32), (1, 2), mode="area").tolist() == [[[2, 6]]]


def test_resize_by_nearest_looks_at_pixel_centres():
    assert resize(np.arange(5, dtype=np.float32).reshape(1, 1, 5), (1, 3), mode="nearest").tolist() == [[[0, 2, 4]]]


def test_resize_matrix_maps_pixel_centres():
    # 4 rows to 2: the centre of new row 0 lies between old rows 0 and 1
    assert (compute_resize_matrix((4, 9), (2, 3)) @ [0, 1, 1]).tolist() == [0.5, 4, 1]


def test_flip_matrix_swaps_first_and_last_column():
    assert (compute_flip_matrix(10) @ [3, 0, 1]).tolist() == [3, 9, 1]


def test_the_breast_is_the_largest_component():
    mask = find_breast_mask(breast_and_label())
    assert mask[100, 20]
    assert not mask[15, 90]


def test_holes_in_the_breast_belong_to_it():
    image = breast_and_label()
    image[90:110, 20:30] = 0
    assert find_breast_mask(image)[100, 25]


def test_a_constant_image_loses_nothing():
    constant = np.full((30, 20), 5, np.float32)
    assert find_breast_box(constant) == find_border_box(constant) == find_dark_frame_box(constant) == Box(0, 0, 30, 20)
    np.testing.assert_array_equal(remove_background(constant), constant)


def test_breast_box_holds_the_breast_and_little_more():
    box = find_breast_box(breast_and_label())
    assert 36 <= box.top <= 40
    assert 160 <= box.top + box.height <= 164
    assert (box.left, box.width) == (0, pytest.approx(52, abs=2))
    assert crop_to_breast(breast_and_label()).shape == (box.height, box.width)


def test_a_box_from_a_coarser_mask_covers_all_its_pixels():
    mask = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)
    assert find_bounding_box(mask, (10, 10)) == Box(top=3, left=3, height=4, width=4)


def test_remove_background_leaves_only_the_breast():
    removed = remove_background(breast_and_label())
    assert removed.max() == 1000
    assert (removed > 0).sum() == 120 * 50


def test_white_borders_go_with_the_dark_line_outside():
    image = np.full((200, 100), 100, np.float32)
    image[1:4] = image[:, 98:] = 4000
    assert find_border_box(image) == Box(top=4, left=0, height=196, width=98)
    assert crop_border(image).max() == 100


def test_dense_tissue_at_the_edge_is_no_border():
    image = np.full((200, 100), 100, np.float32)
    image[:, :20] = 4000
    assert find_border_box(image) == Box(0, 0, 200, 100)


@pytest.mark.parametrize("side", ["L", "R"])
def test_orientation_is_seen_from_the_pixels_where_laterality_is_unknown(side):
    image = breast_and_label() if side == "L" else breast_and_label()[:, ::-1]
    assert faces_left_wall(image) == (side == "L")
    np.testing.assert_array_equal(orient_left(image), breast_and_label())


def test_laterality_decides_where_it_is_known():
    assert needs_flip(breast_and_label(), "R")
    assert not needs_flip(breast_and_label()[:, ::-1], "L")


def test_pad_puts_the_image_at_the_top_left():
    assert pad(np.ones((1, 1, 2)), (2, 3), fill=7).tolist() == [[[1, 1, 7], [7, 7, 7]]]


def test_pad_refuses_to_shrink():
    with pytest.raises(ValueError, match="image is 3 x 2, it cannot be padded to 2 x 2; resize it first"):
        pad(np.ones((1, 3, 2)), (2, 2), fill=0)


def test_unit_intensity():
    assert scale_intensity(np.array([10.0, 15, 20]), method="unit").tolist() == [0, 0.5, 1]


def test_percentile_intensity_is_taken_over_tissue_only():
    image = np.concatenate([np.zeros(1000), np.arange(100, 201)])
    scaled = scale_intensity(image, method="percentile")
    np.testing.assert_allclose(scaled[[0, 1000, 1050, 1100]], [0, 0, 0.5, 1], atol=1e-6)


def test_zscore_is_taken_over_tissue_only():
    scaled = scale_intensity(np.array([0.0, 0, 0, 10, 20]), method="zscore")
    np.testing.assert_allclose(scaled[3:], [-1, 1])


def test_breast_intensity_takes_the_brightest_tissue_to_one_and_then_the_same_numbers_from_all():
    image = np.array([7.0, 7.0, *np.linspace(8, 1007, 1000)])  # 99.7 % of 999 steps of 1 above 8 is 1004.003
    scaled = scale_intensity(image, method="breast")
    assert scaled[0] == pytest.approx(-1.4)  # (0 - 0.35) / 0.25
    assert scaled[-1] == pytest.approx((1000 / 997.003 - 0.35) / 0.25, rel=1e-5)  # not cut at 1


@pytest.mark.parametrize("method", ["unit", "percentile", "zscore", "breast"])
@pytest.mark.parametrize("image", [np.full(9, 4095.0), np.array([0.0] * 8 + [1.0])], ids=["constant", "one pixel"])
def test_intensity_is_never_nan(method, image):
    assert np.isfinite(scale_intensity(image, method=method)).all()


def test_an_unknown_intensity_is_refused():
    with pytest.raises(ValueError, match="unknown intensity method 'log'; known: unit, percentile, zscore, breast"):
        scale_intensity(np.zeros(3), method="log")


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


def test_rows_and_columns_that_are_dark_throughout_go_and_those_of_the_label_stay():
    assert find_dark_frame_box(breast_and_label()) == Box(10, 0, 150, 95)


def test_a_patch_ends_where_the_image_ends():
    mask = np.zeros((100, 80), np.uint8)
    mask[0:10, 70:80] = 1  # at the corner; 20 x 20 around its centre would begin at row -5 and end at column 85
    assert find_mass_box(mask, area=4) == Box(0, 65, 15, 15)
