"""Counts and numbers in words."""

import math

import pytest

from mammoseg.counts import format_count, format_number


@pytest.mark.parametrize(
    ("number", "thing", "text"),
    [
        (1, "file", "1 file"),
        (2, "file", "2 files"),
        (0, "study", "0 studies"),
        (3, "mass", "3 masses"),
        (2, "batch", "2 batches"),
        (2, "epoch", "2 epochs"),
        (1.0, "study", "1 study"),
        (0.5, "mass", "0.5 masses"),
    ],
)
def test_noun_goes_with_its_number(number, thing, text):
    assert format_count(number, thing) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.66666, "0.667"),
        (12.345, "12.3"),
        (1234.5, "1234"),
        (-0.05, "-0.050"),
        (1e-5, "1.0e-05"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.9999, "1.000"),
        (math.nan, "–"),
    ],
)
def test_number_is_shown_short(value, text):
    assert format_number(value) == text
