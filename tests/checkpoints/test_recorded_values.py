"""What a file records of its weights is rebuilt where it is plain and small, and refused by one sentence where not."""

from collections.abc import Sequence

import pytest

from mammoseg.checkpoints.recorded_values import (
    CHOSEN,
    MOST,
    MOST_GRID,
    check_grid,
    read_recorded_bf16,
    read_recorded_calibration,
    read_recorded_choices,
    read_recorded_flips,
    read_recorded_least_area,
    read_recorded_provenance,
    read_recorded_threshold,
    rebuild_arguments,
    with_text_keys,
)

CALIBRATION = {"scale": 1.5, "offset": -0.25, "fitted_on": "validation"}
BF16 = {"dice_change": -0.001, "measured_on": "validation"}


@pytest.mark.parametrize(
    ("read", "record"),
    [
        (read_recorded_threshold, 0.5),
        (read_recorded_flips, True),
        (read_recorded_calibration, CALIBRATION),
        (read_recorded_least_area, 0.0),
        (read_recorded_bf16, BF16),
    ],
)
def test_what_was_chosen_comes_back_and_nothing_stays_nothing(read, record):
    assert read(record) == record
    assert not read(None)


@pytest.mark.parametrize(
    ("read", "record"),
    [
        *((read_recorded_threshold, record) for record in (0.0, 1.0, 1, "0.5", float("nan"), True)),
        *((read_recorded_flips, record) for record in (1, "true")),
        *(
            (read_recorded_calibration, CALIBRATION | change)
            for change in ({"scale": 0.0}, {"scale": 1}, {"offset": float("inf")}, {"fitted_on": 3}, {"more": 1})
        ),
        *((read_recorded_least_area, record) for record in (-0.1, 3, float("nan"), MOST + 1.0)),
        *((read_recorded_bf16, BF16 | change) for change in ({"dice_change": 1.1}, {"measured_on": "x" * 201})),
    ],
)
def test_what_could_decide_nothing_is_refused(read, record):
    with pytest.raises(ValueError, match="^records "):
        read(record)


def test_every_choice_has_a_value_where_nothing_is_recorded():
    assert read_recorded_choices({}) == dict.fromkeys(CHOSEN) | {"flips": False}
    assert read_recorded_choices({"threshold": 0.25, "other": 1})["threshold"] == 0.25


def test_a_grid_has_pixels_and_fits_into_memory():
    check_grid([1, 1], 3)
    check_grid([MOST_GRID // 4, 4], 1)
    for size, channels in (([MOST_GRID // 4, 4], 2), ([0, 8], 3), ([8, -8], 3), ([8], 3), ([8, 8, 8], 3)):
        with pytest.raises(ValueError, match="^records a "):
            check_grid(size, channels)


def test_provenance_is_short_texts_and_numbers_without_control_characters():
    record = {"date": "2026-11-29", "versions": {"torch": "2.13.0"}, "seeds": [0, 1.5, None, True]}
    assert read_recorded_provenance(record) == record
    assert "\x1b" not in read_recorded_provenance("\x1b[31mred")


@pytest.mark.parametrize("record", [object(), b"x", {"a": {"b": {"c": {"d": {"e": 1}}}}}, "x" * 201, [0] * 65])
def test_provenance_of_anything_else_is_refused(record):
    with pytest.raises(ValueError, match="a provenance that is more than short texts and numbers"):
        read_recorded_provenance(record)


def test_a_setting_has_a_name():
    assert with_text_keys({"a": 1}) == {"a": 1}
    with pytest.raises(ValueError, match="records a setting without a name"):
        with_text_keys({1: "a"})


def build(*, channels: Sequence[int] = (16, 32), depth: int = 2, name: str | None = None) -> None:
    """Something with arguments."""


def test_arguments_are_those_of_the_record_and_else_the_defaults():
    assert rebuild_arguments(build, {"channels": (4, 8), "name": "a"}) == {"channels": [4, 8], "depth": 2, "name": "a"}
    assert rebuild_arguments(build, {}) == {"channels": [16, 32], "depth": 2, "name": None}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"width": 3}, "records an unknown setting 'width'"),
        ({"depth": "2"}, "records no fit value for 'depth'"),
        ({"depth": MOST + 1}, "records no fit value for 'depth'"),
        ({"channels": [4, "8"]}, "records no fit value for 'channels'"),
        ({"name": "$import os"}, "records no fit value for 'name'"),
        ({"name": "../other"}, "records no fit value for 'name'"),
    ],
)
def test_an_argument_of_another_name_or_kind_is_refused(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        rebuild_arguments(build, given)
