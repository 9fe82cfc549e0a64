"""Measurements of shapes whose size is known, in mm where the spacing is honest."""

from math import hypot, pi

import numpy as np
import pytest
from pydicom import Dataset

from mammoseg.dicom.measure import MOST_POINTS, Scale, measure, outline, read_scale

SHAPE = (3000, 2400)
SQUARE = Scale(0.1, 0.1, "ImagerPixelSpacing")


def disc(radius, *, centre=(1500, 700)):
    """Pixels whose centre is within `radius` of the centre of the pixel ``(row, column)``."""
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def rectangle(rows, columns):
    """With its first pixel at row 100, column 200."""
    lesion = np.zeros(SHAPE, bool)
    lesion[100 : 100 + rows, 200 : 200 + columns] = True
    return lesion


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_disc_has_its_diameter_and_area():
    measured = measure(disc(250), SQUARE)  # covers 501 pixels across
    assert measured.long_axis == pytest.approx(50.1, abs=0.1)
    assert measured.short_axis == pytest.approx(50.1, abs=0.1)
    assert measured.area == pytest.approx(pi * 25.05**2, rel=0.005)
    assert measured.centre == (700.5, 1500.5)


def test_rectangle_has_its_diagonal_and_the_longest_chord_across_it():
    measured = measure(rectangle(4, 15), None)
    assert measured.long_axis == pytest.approx(hypot(4, 15))
    assert measured.short_axis == pytest.approx(4 * hypot(4, 15) / 15)  # leans like the diagonal leans
    assert (measured.pixels, measured.area, measured.unit) == (60, 60, "pixel")
    assert measured.centre == (207.5, 102)


def test_pixels_that_are_not_square_stretch_what_is_measured():
    measured = measure(rectangle(4, 15), Scale(0.3, 0.1, "ImagerPixelSpacing"))
    assert measured.long_axis == pytest.approx(hypot(1.2, 1.5))
    assert measured.area == pytest.approx(60 * 0.03)
    upright = measure(rectangle(15, 4), Scale(0.3, 0.1, "ImagerPixelSpacing"))
    assert upright.long_axis == pytest.approx(hypot(4.5, 0.4))


def test_single_pixel_has_a_size():
    measured = measure(rectangle(1, 1), SQUARE)
    assert measured.area == pytest.approx(0.01)
    assert (measured.long_axis, measured.short_axis) == pytest.approx((hypot(0.1, 0.1),) * 2)


def test_hollow_is_bridged_by_the_axes_but_not_by_the_area():
    ring = disc(100) & ~disc(80)
    whole = measure(disc(100), None)
    measured = measure(ring, None)
    assert (measured.long_axis, measured.short_axis) == (whole.long_axis, whole.short_axis)
    assert measured.area == ring.sum() < whole.area


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose, np.rot90])
def test_turned_lesion_measures_the_same(turn):
    lesion = rectangle(40, 90)
    lesion[140:180, 200:230] = True
    straight, turned = measure(lesion, None), measure(turn(lesion), None)
    assert turned.area == straight.area
    assert (turned.long_axis, turned.short_axis) == pytest.approx((straight.long_axis, straight.short_axis))


def test_lesion_at_the_edge_of_the_image_is_outlined_inside_it():
    (polygon,) = outline(np.ones((3, 4), bool))
    assert (polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()) == ([0, 0], [4, 3])  # Columns, Rows


def test_outline_of_a_pixel_is_around_its_centre():
    (polygon,) = outline(rectangle(1, 1))
    expected = {(200, 100.5), (200.5, 100), (201, 100.5), (200.5, 101)}
    assert {tuple(point) for point in polygon.tolist()} == expected
    assert (polygon[0] == polygon[-1]).all()


def test_outlines_are_the_largest_first_and_round_holes_too():
    ring = disc(100) & ~disc(50)
    around, inside = outline(ring | disc(10, centre=(300, 300)))[:2]
    assert np.hypot(*(around - (700.5, 1500.5)).T) == pytest.approx(100, abs=0.7)
    assert np.hypot(*(inside - (700.5, 1500.5)).T) == pytest.approx(50, abs=0.7)


def test_pixels_that_touch_by_a_corner_are_within_one_outline():
    assert len(outline(np.eye(5, dtype=bool))) == 1


def test_outline_has_a_bounded_number_of_points_and_stays_closed():
    (polygon,) = outline(disc(600))
    assert len(polygon) == MOST_POINTS
    assert (polygon[0] == polygon[-1]).all()
    assert np.hypot(*(polygon - (700.5, 1500.5)).T) == pytest.approx(600, abs=0.7)


@pytest.mark.parametrize(
    ("attributes", "size", "says"),
    [
        ({"ImagerPixelSpacing": [0.09, 0.18]}, (0.09, 0.18), "ImagerPixelSpacing, not divided by a magnification"),
        (
            {"ImagerPixelSpacing": [0.09, 0.18], "EstimatedRadiographicMagnificationFactor": 1.8},
            (0.05, 0.1),
            "divided by EstimatedRadiographicMagnificationFactor 1.8",
        ),
        (
            {"NominalScannedPixelSpacing": [0.09, 0.18], "EstimatedRadiographicMagnificationFactor": 1.8},
            (0.05, 0.1),
            "NominalScannedPixelSpacing, divided by",
        ),
        (
            {
                "PixelSpacing": [0.09, 0.18],
                "PixelSpacingCalibrationType": "GEOMETRY",
                "EstimatedRadiographicMagnificationFactor": 1.8,
            },
            (0.09, 0.18),
            "from PixelSpacing",
        ),
    ],
    ids=["detector", "magnified", "film", "calibrated"],
)
def test_scale_is_that_in_the_breast_and_says_where_it_comes_from(attributes, size, says):
    scale = read_scale(header(**attributes))
    assert (scale.row_mm, scale.column_mm) == pytest.approx(size)
    assert says in str(scale)
    assert str(scale).startswith(f"Pixel size {size[0]} x {size[1]} mm (row x column)")


@pytest.mark.parametrize("spacing", [{}, {"ImagerPixelSpacing": [0, 0.1]}, {"PixelSpacing": [0.1, 0.1]}])
def test_there_is_no_scale_without_an_honest_spacing(spacing):
    assert read_scale(header(**spacing)) is None
