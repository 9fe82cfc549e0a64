"""Grey values to the range of a network, in each of the ways."""

import numpy as np
import pytest

from mammoseg.transforms.functional.scale_intensity import scale_intensity


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
