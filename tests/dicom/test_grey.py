"""Grey values: expected numbers follow PS3.3 C.11.1 and C.11.2 by hand."""

import numpy as np
import pydicom
import pytest
from pydicom.sequence import Sequence

from mammoseg.dicom.grey import compute_grey_table, find_padding, look_up, read_padding_range
from mammoseg.errors import InputRefusedError, WrongCallError
from tests.made_dicom import RAMP, lut_item, mammogram_dataset


def table(voi="first", **attributes):
    return compute_grey_table(mammogram_dataset(**attributes), voi=voi)


def test_without_any_function_the_stored_range_stays():
    np.testing.assert_array_equal(table(), np.arange(4096))


def test_rescale_is_applied():
    assert table(RescaleSlope=2, RescaleIntercept=-10)[[0, 100]].tolist() == [-10, 190]


def test_modality_lut_is_applied():
    assert table(ModalityLUTSequence=Sequence([lut_item(1, [5, 7, 9], bits=16)]))[[0, 1, 2, 3, 4095]].tolist() == [
        5,
        5,
        7,
        9,
        9,
    ]


def test_linear_window():
    # C.11.2.1.2.1: centre 2048.5 - 0.5, width 2049 - 1, output 0..4095
    grey = table(WindowCenter=2048.5, WindowWidth=2049)
    np.testing.assert_allclose(grey[[0, 1024, 2048, 3072, 4095]], [0, 0, 2047.5, 4095, 4095])


def test_linear_exact_window():
    grey = table(WindowCenter=2048, WindowWidth=2048, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(grey[[1024, 1536, 2048, 3072]], [0, 1023.75, 2047.5, 4095])


def test_sigmoid_window():
    grey = table(WindowCenter=2048, WindowWidth=1024, VOILUTFunction="SIGMOID")
    np.testing.assert_allclose(grey[[2048, 2304]], [4095 / 2, 4095 / (1 + np.exp(-1))], rtol=1e-6)


def test_voi_table():
    grey = table(VOILUTSequence=Sequence([lut_item(10, [1, 50, 4000])]))
    assert grey[[0, 10, 11, 12, 4095]].tolist() == [1, 1, 50, 4000, 4000]


def test_a_voi_table_works_on_rescaled_values():
    grey = table(VOILUTSequence=Sequence([lut_item(20, [1, 2, 3])]), RescaleSlope=2, RescaleIntercept=0)
    assert grey[[10, 11]].tolist() == [1, 3]


def test_the_first_item_is_a_table_before_a_window():
    both = {"VOILUTSequence": Sequence([lut_item(0, [7, 8])]), "WindowCenter": 2048, "WindowWidth": 4096}
    assert table(**both)[1] == 8
    assert table(voi=0, **both)[1] == 8
    assert table(voi=1, **both)[1] == pytest.approx(1, abs=0.01)


def test_an_index_chooses_among_windows():
    windows = {"WindowCenter": [1000, 3000], "WindowWidth": [100, 100]}
    assert table(**windows)[2000] == 4095
    assert table(voi=1, **windows)[2000] == 0


def test_one_window_and_the_first_of_two_give_the_same():
    one = table(WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(one, table(WindowCenter=[1000, 3000], WindowWidth=[500, 100]))


def test_none_keeps_the_stored_range_in_spite_of_a_window():
    np.testing.assert_array_equal(table(voi="none", WindowCenter=1000, WindowWidth=100), np.arange(4096))


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_without_width_is_left_out_with_a_warning(width, caplog):
    np.testing.assert_array_equal(table(WindowCenter=1000, WindowWidth=width), np.arange(4096))
    assert "1 of 1 windows have no width" in caplog.text


def test_an_index_beyond_the_items_is_refused():
    with pytest.raises(InputRefusedError, match="E_VOI: VOI item 1 was asked for, the file has 1"):
        table(voi=1, WindowCenter=1000, WindowWidth=100)


def test_a_window_of_the_caller_goes_before_that_of_the_file_and_serves_files_without():
    """LINEAR of centre 2000 and width 1001: 0 up to 1500 - 0.5, the middle at 1999.5, all of 4095 from 2500 - 0.5."""
    for attributes in ({}, {"WindowCenter": 100, "WindowWidth": 50}):
        grey = table(voi="window 2000 1001", **attributes)
        assert (grey[1499], grey[2500]) == (0, 4095)
        assert (grey[1999] + grey[2000]) / 2 == pytest.approx(4095 / 2)


@pytest.mark.parametrize("voi", ["window 2000", "window nan 5", "window 1e9 5"])
def test_a_window_without_meaning_is_a_wrong_call(voi):
    with pytest.raises(WrongCallError, match=f"voi is '{voi}'; give .*'window CENTRE WIDTH'"):
        table(voi=voi)


def test_an_unknown_policy_is_a_wrong_call():
    with pytest.raises(WrongCallError, match="voi is 'best'; give 'first', 'none' or an index"):
        table(voi="best")


@pytest.mark.parametrize("rescale", [{"RescaleSlope": 0, "RescaleIntercept": 0}, {"RescaleSlope": 2}])
def test_a_rescale_without_meaning_is_refused(rescale):
    with pytest.raises(InputRefusedError, match="E_RESCALE"):
        table(**rescale)


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"WindowCenter": 1500, "WindowWidth": 800},
        {"WindowCenter": 1500, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"},
    ],
    ids=["stored", "linear", "sigmoid"],
)
def test_monochrome1_equals_its_monochrome2_twin_within_one_grey_level_of_the_window(window):
    mirrored = window | ({"WindowCenter": 4095 - window["WindowCenter"]} if window else {})
    one = table(PhotometricInterpretation="MONOCHROME1", **mirrored)[4095 - np.arange(4096)]
    two = table(**window)
    assert np.abs(one - two).max() <= 4095 / (window.get("WindowWidth", 4096) - 1) + 1e-3


def test_a_padding_value_becomes_the_lowest_value():
    assert table(PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)[[0, 1]].tolist() == [0, 4094]


@pytest.mark.parametrize("ends", [(100, 120), (120, 100)])
def test_a_padding_range_becomes_the_lowest_value_with_both_its_ends(ends):
    grey = table(PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1])
    assert grey[[99, 100, 120, 121]].tolist() == [99, 0, 0, 121]


def test_padding_is_marked_where_the_stored_value_lies_in_its_range():
    dataset = mammogram_dataset(PixelPaddingValue=600, PixelPaddingRangeLimit=300)
    assert read_padding_range(dataset) == (300, 600)
    assert find_padding(RAMP, (300, 600)).tolist() == [[False, True, True, False], [False] * 4, [False] * 4]


def test_a_file_without_padding_has_none():
    assert read_padding_range(mammogram_dataset()) is None
    assert find_padding(RAMP, None) is None


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"PixelPaddingValue": [1, 2]}, "E_ATTRIBUTE"),
        ({"WindowCenter": "1e39", "WindowWidth": 10, "VOILUTFunction": "LINEAR_EXACT"}, None),
        ({"WindowCenter": [1, 2, 3], "WindowWidth": [0, 0, 0, 5]}, "E_VOI"),
        ({"WindowWidth": 10}, "E_VOI"),
        ({"WindowCenter": 10, "WindowWidth": 10, "VOILUTFunction": "WAVY"}, "E_VOI"),
        ({"RescaleSlope": "1e300", "RescaleIntercept": "1e300"}, "E_RESCALE"),
        ({"VOILUTSequence": Sequence([pydicom.Dataset()])}, "E_VOI"),
        ({"ModalityLUTSequence": Sequence([pydicom.Dataset()])}, "E_RESCALE"),
    ],
)
def test_malformed_grey_values_are_refused_or_finite(attributes, code):
    if code is None:
        assert np.isfinite(table(**attributes)).all()
        return
    with pytest.raises(InputRefusedError) as refusal:
        table(**attributes)
    assert refusal.value.code == code


def test_look_up_takes_every_pixel_through_the_table():
    stored = np.tile(RAMP, (50, 1))
    np.testing.assert_array_equal(look_up(np.arange(4096, dtype=np.float32) * 2, stored), stored * 2.0)
