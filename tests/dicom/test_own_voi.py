"""A window or a curve of one's own: what its text means, and what a command line may give."""

import numpy as np
import pytest

from mammoseg.dicom.grey import compute_grey_table
from mammoseg.dicom.own_voi import MOST_POINTS, parse_own_voi, read_own_voi
from mammoseg.errors import WrongCallError
from tests.made_dicom import mammogram_dataset


def test_a_curve_goes_straight_from_point_to_point():
    curve = parse_own_voi("curve 100 0 200 10 400 30")
    np.testing.assert_allclose(
        curve.compute_fraction(np.array([0, 100, 150, 200, 300, 400, 999])) * 30, [0, 0, 5, 10, 20, 30, 30]
    )


def test_a_curve_fills_the_range_of_the_values_of_a_file():
    grey = compute_grey_table(mammogram_dataset(), voi="curve 0 10 2048 10 4095 30")
    assert grey[[0, 2048, 4095]].tolist() == [0, 0, 4095]


def test_a_curve_of_two_points_is_the_window_between_them():
    """LINEAR of centre 2000 and width 1001 runs from 1499.5 to 2499.5 (PS3.3 C.11.2.1.2.1)."""
    curve, window = (
        compute_grey_table(mammogram_dataset(), voi=voi) for voi in ("curve 1499.5 0 2499.5 1", "window 2000 1001")
    )
    np.testing.assert_allclose(curve, window, atol=1e-3)


def test_a_curve_may_fall():
    assert parse_own_voi("curve 0 255 4095 0").compute_fraction(np.array([0, 4095])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("voi", "reason"),
    [
        ("curve 0 0", "voi is 'curve 0 0'; give"),
        ("curve 0 0 1", "voi is"),
        ("curve 5 0 5 1", "must rise from point to point"),
        ("curve 0 3 5 3", "one grey value"),
        ("curve" + " 1 1" * (MOST_POINTS + 1), "voi is"),
        ("window 2000 -5", "width -5 shows nothing"),
        ("window 2000 0.5", "width 0.5 shows nothing"),
        ("$open('x')", "voi is"),
    ],
)
def test_a_function_without_meaning_is_a_wrong_call(voi, reason):
    with pytest.raises(WrongCallError, match=reason):
        parse_own_voi(voi)


def test_two_numbers_are_a_window():
    assert read_own_voi("2047.5,4095") == "window 2047.5 4095"


def test_a_file_of_points_is_a_curve(tmp_path):
    points = tmp_path / "lut.csv"
    points.write_text("# value,grey\n0, 0\n1000;10  # dark\n\n4095\t255\n")
    assert read_own_voi(str(points)) == "curve 0 0 1000 10 4095 255"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0,0\n5,x\n", "line 2 of .* is no point"),
        ("0,0,0\n", "line 1 of .* is no point"),
        ("0,0\n", "has 1 points"),
        ("0,0\n" * (MOST_POINTS + 1), f"has {MOST_POINTS + 1} points"),
        ("9,0\n1,1\n", "must rise"),
        ("#" * 2**17, "no file of at most 64 KiB"),
        (b"\xff\xfe0", "no text in UTF-8"),
    ],
)
def test_another_file_is_a_wrong_call(tmp_path, text, reason):
    points = tmp_path / "lut.csv"
    points.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WrongCallError, match=reason):
        read_own_voi(str(points))


def test_what_is_neither_two_numbers_nor_a_file_is_a_wrong_call():
    with pytest.raises(WrongCallError, match="'2047' is neither CENTRE,WIDTH nor a file"):
        read_own_voi("2047")
