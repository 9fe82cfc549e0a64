"""Pictures: what is on them, and that they stay small."""

import math

import cv2
import numpy as np
import pytest

from mammoseg.evaluation.plots import (
    LONGEST_SIDE,
    Case,
    choose_best_median_worst,
    plot_cases,
    plot_learning_curve,
    plot_score_boxes,
    shrink_to,
)

LOG = "epoch,train_loss,val_mean_dice,lr\n1,0.9,,0.001\n2,0.7,0.4,0.001\n3,0.5,0.3,0.0001\n"


def make_case(image_id="a", dice=0.7):
    rows, columns = np.mgrid[:1500, :1200]
    image = np.random.default_rng(0).random((1500, 1200), dtype=np.float32)
    truth = (rows - 700) ** 2 + (columns - 500) ** 2 < 120**2
    prediction = (rows - 740) ** 2 + (columns - 540) ** 2 < 120**2
    return Case(image_id, image, truth, prediction, {"dice": dice})


def has_colour(picture, bgr, *, tolerance=40):
    return bool((np.abs(picture.astype(int) - bgr).max(axis=-1) < tolerance).any())


@pytest.fixture(scope="module")
def picture_of_cases(tmp_path_factory):
    png = tmp_path_factory.mktemp("cases") / "cases.png"
    cases = {"best": make_case(), "median": make_case(), "worst": make_case()}
    plot_cases(cases, png, attribution="Phantom images, changed: resized, outlined.")
    return png


def test_picture_of_noisy_cases_stays_below_300_kb(picture_of_cases):
    assert picture_of_cases.stat().st_size < 300_000


@pytest.mark.parametrize("bgr", [(0x84, 0xDC, 0x3D), (0x1C, 0x9F, 0xFF)], ids=["truth", "prediction"])
def test_both_outlines_are_drawn(picture_of_cases, bgr):
    below_the_legend = cv2.imread(str(picture_of_cases))[40:]

    assert has_colour(below_the_legend, bgr)


def test_case_without_prediction_can_be_shown(tmp_path):
    case = make_case(dice=0.0)

    plot_cases(
        {"worst": Case("a", case.image, case.truth, 0 * case.truth, case.scores)}, tmp_path / "a.png", attribution=""
    )

    assert (tmp_path / "a.png").is_file()


def test_best_median_and_worst_are_chosen_without_nan():
    rows = [
        {"image_id": name, "dice": dice} for name, dice in zip("abcde", [0.9, math.nan, 0.1, 0.5, 0.3], strict=True)
    ]

    assert choose_best_median_worst(rows) == {"best": "a", "median": "e", "worst": "c"}


def test_choosing_among_images_without_mass_is_refused():
    with pytest.raises(ValueError, match="no image has a dice"):
        choose_best_median_worst([{"image_id": "a", "dice": math.nan}])


def test_learning_curve_is_drawn_from_a_log_with_gaps(tmp_path):
    (tmp_path / "metrics.csv").write_text(LOG)

    plot_learning_curve(tmp_path / "metrics.csv", tmp_path / "curve.png")

    assert cv2.imread(str(tmp_path / "curve.png")).shape == (340, 960, 3)


def test_log_without_the_columns_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,0.5\n")

    with pytest.raises(ValueError, match="no training log; it needs .*epoch, lr, train_loss, val_mean_dice"):
        plot_learning_curve(tmp_path / "metrics.csv", tmp_path / "curve.png")


def test_box_plot_takes_runs_of_unequal_length(tmp_path):
    plot_score_boxes({"unet": [0.1, 0.5], "aunet": [0.2, 0.6, 0.7]}, tmp_path / "boxes.png", label="Dice")

    assert (tmp_path / "boxes.png").stat().st_size > 0


def test_reduction_keeps_the_aspect_and_the_mean():
    plane = np.kron(np.random.default_rng(0).random((100, 200)), np.ones((8, 8)))

    small = shrink_to(LONGEST_SIDE, plane)

    assert small.shape == (256, 512) and small.mean() == pytest.approx(plane.mean(), abs=1e-3)


def test_small_images_are_not_enlarged():
    assert shrink_to(512, np.zeros((30, 20))).shape == (30, 20)
