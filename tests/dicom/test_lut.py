"""Tables of grey values as PS3.3 C.11.1.1 and C.11.2.1.1 write them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut

from mammoseg.dicom.lut import Table, read_lut
from mammoseg.errors import InputRefusedError


def make_item(descriptor, data, *, kind="US"):
    """An item of a LUT sequence; bytes are OW, as a file holds them."""
    item = Dataset()
    item.add_new("LUTDescriptor", kind, descriptor)
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return item


def read(item, *, is_signed=False, is_little_endian=True):
    return read_lut(item, "E_LUT", is_signed=is_signed, is_little_endian=is_little_endian)


def test_values_outside_of_the_table_take_its_first_and_its_last_entry():
    table = Table(10, np.array([5, 6, 9]), 8)
    assert table.look_up(np.array([[-3, 10, 11], [12, 13, 4000]])).tolist() == [[5, 5, 6], [9, 9, 9]]


def test_fractions_are_rounded_before_they_are_looked_up():
    assert Table(0, np.array([0, 10, 20]), 8).look_up(np.array([0.4, 0.6, 1.4])).tolist() == [0, 10, 10]


def test_a_table_looks_up_what_pydicom_looks_up():
    values = np.arange(120, dtype=np.uint16).reshape(10, 12)
    entries = np.random.default_rng(0).integers(0, 4096, 50).tolist()
    image = Dataset()
    image.ModalityLUTSequence = [make_item([50, 30, 16], entries)]
    np.testing.assert_array_equal(read(image.ModalityLUTSequence[0]).look_up(values), apply_modality_lut(values, image))


@pytest.mark.parametrize("is_little_endian", [True, False])
def test_words_come_in_the_byte_order_of_the_file(is_little_endian):
    data = np.array([1, 256, 4095], "<u2" if is_little_endian else ">u2").tobytes()
    assert read(make_item([3, 0, 12], data), is_little_endian=is_little_endian).entries.tolist() == [1, 256, 4095]


def test_entries_of_8_bits_lie_two_a_word_the_low_byte_first():
    assert read(make_item([3, 0, 8], [0x0201, 0x0003])).entries.tolist() == [1, 2, 3]


def test_old_files_have_entries_of_8_bits_one_a_word():
    assert read(make_item([3, 0, 8], [1, 2, 3])).entries.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("is_signed", "first"), [(True, -10), (False, 65526)])
def test_the_first_value_is_signed_where_the_pixels_are(is_signed, first):
    assert read(make_item([2, 65526, 8], [0, 1]), is_signed=is_signed).first == first


def test_zero_entries_stand_for_65536():
    assert len(read(make_item([0, 0, 16], np.arange(2**16, dtype="<u2").tobytes())).entries) == 65536


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (Dataset(), "E_LUT: LUT Descriptor is absent"),
        (make_item([2, 0], [0, 1]), "LUT Descriptor has 2 values, not 3"),
        (make_item([2, 0, 7], [0, 1]), "says 7 bits an entry; 8 to 16 exist"),
        (make_item([2, 0, 17], [0, 1]), "says 17 bits an entry"),
        (make_item([4, 0, 12], [0, 1]), "LUT Data has 4 bytes, which are not 4 entries of 12 bits"),
    ],
)
def test_an_item_that_contradicts_itself_is_refused(item, sentence):
    with pytest.raises(InputRefusedError, match=sentence):
        read(item)
