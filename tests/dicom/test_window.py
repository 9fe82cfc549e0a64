"""Windows of grey values, by the formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3 and by pydicom."""

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from mammoseg.dicom.window import LEAST_WIDTH, Window


@pytest.mark.parametrize("function", LEAST_WIDTH)
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (600.5, 301.25), (-20, 2), (100, 1)])
def test_every_function_is_that_of_pydicom(function, centre, width):
    image = Dataset()
    image.PhotometricInterpretation, image.PixelRepresentation, image.BitsStored = "MONOCHROME2", 0, 12
    image.WindowCenter, image.WindowWidth, image.VOILUTFunction = centre, width, function
    values = np.linspace(-300, 4500, 961)
    with np.errstate(all="ignore"):  # as grey.py calls it
        found = Window(centre, width, function).compute_fraction(values)
        np.testing.assert_allclose(found, apply_windowing(values, image) / 4095, atol=1e-12)


def test_linear_takes_half_a_value_off_and_linear_exact_does_not():
    values = np.array([0, 10, 19.5, 20, 30])
    linear = Window(20, 21, "LINEAR").compute_fraction(values)  # from 9.5 to 29.5
    exact = Window(20, 20, "LINEAR_EXACT").compute_fraction(values)  # from 10 to 30
    assert linear.tolist() == pytest.approx([0, 0.025, 0.5, 0.525, 1])
    assert exact.tolist() == pytest.approx([0, 0, 0.475, 0.5, 1])


def test_sigmoid_is_half_at_the_centre_and_never_reaches_its_ends():
    fractions = Window(50, 20, "SIGMOID").compute_fraction(np.array([45.0, 50, 55]))
    assert fractions.tolist() == pytest.approx([1 / (1 + math.e), 0.5, 1 / (1 + 1 / math.e)])


def test_the_narrowest_linear_window_is_a_step():
    with np.errstate(all="ignore"):  # as grey.py calls it
        assert Window(10, 1, "LINEAR").compute_fraction(np.array([9, 9.5, 9.6, 10])).tolist() == [0, 0, 1, 1]
