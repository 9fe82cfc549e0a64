"""The steps of preprocessing: their order, and that each move is undone and has the matrix of what it does."""

import numpy as np
import pytest

from mammoseg.errors import WrongCallError
from mammoseg.transforms.functional.geometry import Box
from mammoseg.transforms.functional.steps import (
    Clahe,
    CropBorder,
    CropNegligible,
    CropToBreast,
    CropToMass,
    OrientLeft,
    PadToGrid,
    RemoveBackground,
    ResizeToGrid,
    ScaleGrey,
    build_preprocessing_steps,
)
from tests.transforms.functional.made_breast import breast_and_label

NOTHING = {
    "spatial_size": (8, 4),
    "aspect": "stretch",
    "crop_border": False,
    "crop_to_breast": False,
    "orient_left": False,
    "remove_background": False,
    "clahe_clip_limit": None,
    "intensity": "unit",
}
RIGHT = breast_and_label()[:, ::-1]
EVERY_MOVE = [
    (CropBorder(), RIGHT),
    (CropNegligible(), RIGHT),
    (CropToBreast(), RIGHT),
    (CropToMass(1.44), (RIGHT == 3000).astype(np.float32)),
    (OrientLeft(), RIGHT),
    (ResizeToGrid((400, 300)), RIGHT),
    (PadToGrid((210, 120)), RIGHT),
]


def test_what_is_not_asked_for_is_left_out():
    assert build_preprocessing_steps(**NOTHING) == [ResizeToGrid((8, 4)), ScaleGrey("unit")]


def test_all_steps_come_in_their_order():
    switches = dict.fromkeys(("crop_border", "crop_negligible", "crop_to_breast", "orient_left"), True)
    more = {"remove_background": True, "clahe_clip_limit": 2.0, "intensity": "zscore", "aspect": "pad"}
    assert build_preprocessing_steps(**NOTHING | switches | more) == [
        CropBorder(),
        CropNegligible(),
        CropToBreast(),
        OrientLeft(),
        ResizeToGrid((8, 4), keeps_aspect=True),
        PadToGrid((8, 4)),
        RemoveBackground(),
        Clahe(2.0),
        ScaleGrey("zscore"),
    ]


def test_a_patch_is_cut_in_place_of_every_other_cut():
    steps = build_preprocessing_steps(**NOTHING, patch_area=1.2)
    assert steps == [CropToMass(1.2), ResizeToGrid((8, 4)), ScaleGrey("unit")]
    with pytest.raises(WrongCallError, match="a patch around a mass has no border, no breast and no background"):
        build_preprocessing_steps(**NOTHING | {"crop_to_breast": True}, patch_area=1.2)


@pytest.mark.parametrize(("step", "image"), EVERY_MOVE, ids=lambda given: type(given).__name__)
def test_the_matrix_takes_every_new_pixel_to_where_its_value_was(step, image):
    """A ramp of rows, and one of columns, moved as they are: the values of the new grid are places in the old one."""
    plan = step.measure(image, {"laterality": "R"})
    rows, columns = image.shape
    moved = step.move(np.mgrid[:rows, :columns].astype(np.float32), plan, mode="bilinear")
    matrix = step.compute_matrix(plan, size=image.shape)
    places = np.stack([*np.mgrid[: moved.shape[1], : moved.shape[2]], np.ones(moved.shape[1:])])
    expected = np.tensordot(matrix, places, 1)[:2]
    inside = ((expected >= 0) & (expected <= np.reshape([rows - 1, columns - 1], (2, 1, 1)))).all(axis=0)
    assert inside.sum() > 50
    np.testing.assert_allclose(moved[:, inside], expected[:, inside], atol=0.02)


@pytest.mark.parametrize(("step", "image"), EVERY_MOVE, ids=lambda given: type(given).__name__)
def test_a_mask_comes_back_to_its_own_grid_where_the_move_kept_it(step, image):
    plan = step.measure(image, {"laterality": "R"})
    mask = np.ones((1, *image.shape), np.float32)
    there = step.move(mask, plan, mode="nearest")
    back = step.move_back(there, plan, size=image.shape, mode="nearest")
    kept = np.zeros(image.shape, bool)
    if "top" in plan:
        box = Box(**plan)
        kept[box.top : box.top + box.height, box.left : box.left + box.width] = True
    else:
        kept[:] = True
    np.testing.assert_array_equal(back[0], kept)


def test_orientation_follows_the_metadata_and_else_the_pixels():
    assert [OrientLeft().measure(RIGHT, {"laterality": side})["flip"] for side in ("L", "R", None)] == [0, 1, 1]


@pytest.mark.parametrize(("shape", "expected"), [((200, 100), (80, 40)), ((100, 200), (20, 40)), ((1000, 3), (80, 1))])
def test_a_size_that_keeps_the_proportions_fits_into_the_grid(shape, expected):
    plan = ResizeToGrid((80, 40), keeps_aspect=True).measure(np.zeros(shape), {})
    assert (plan["rows"], plan["columns"]) == expected


def test_an_image_is_padded_with_its_lowest_value_to_a_square_and_a_mask_with_zero():
    image = np.array([[[5, 7, 9]]], np.float32)
    plan = PadToGrid().measure(image[0], {})
    assert PadToGrid().move(image, plan, mode="area").tolist() == [[[5, 7, 9], [5, 5, 5], [5, 5, 5]]]
    assert PadToGrid().move(image, plan, mode="nearest")[0, 1:].tolist() == [[0, 0, 0], [0, 0, 0]]
