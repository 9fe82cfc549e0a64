"""Files that pydicom would read by half, or never stop reading."""

import logging
import tracemalloc
import zlib

import pytest
from pydicom import uid

from mammoseg.dicom import parse
from mammoseg.dicom.parse import open_dicom, read_bytes
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, mammogram_dataset, write_mammogram


def write_deflated(folder):
    dataset = mammogram_dataset()
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(folder / "deflated.dcm", enforce_file_format=True)
    return folder / "deflated.dcm"


@pytest.mark.parametrize("behind", [b"\xff" * 5000, bytes(5000), b"\0", b"scanned by hand"])
def test_what_stands_behind_the_pixels_and_is_no_element_is_left_out(tmp_path, behind, caplog):
    path = write_mammogram(tmp_path)
    path.write_bytes(path.read_bytes() + behind)
    assert open_dicom(path).PixelData == RAMP.tobytes()
    assert caplog.messages == [f"{len(behind)} bytes behind the last element are left out"]


def test_trailing_padding_is_an_element(tmp_path, caplog):
    path = write_mammogram(tmp_path)
    path.write_bytes(path.read_bytes() + b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0abcd")  # PS3.10 7.2
    assert open_dicom(path).DataSetTrailingPadding == b"abcd"
    assert caplog.messages == []


def test_no_byte_is_missed_of_a_file_that_was_cut_anywhere(tmp_path):
    content = write_mammogram(tmp_path).read_bytes()
    for length in range(132, len(content), 3):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        try:
            dataset = open_dicom(tmp_path / "cut.dcm")
        except InputRefusedError as error:
            assert error.code in ("E_TRUNCATED", "E_NOT_DICOM", "E_COMPRESSION")
        else:  # cut between two elements
            assert "PixelData" not in dataset


def test_elements_out_of_order_are_refused(tmp_path):
    path = write_mammogram(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x10\0\x10\0PN", b"\x08\0\x05\0PN"))
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM: .*out of order"):
        open_dicom(path)


def test_a_preamble_of_a_program_is_told(tmp_path, caplog):
    path = write_mammogram(tmp_path)
    path.write_bytes(b"MZ" + path.read_bytes()[2:])
    open_dicom(path)
    assert caplog.record_tuples == [
        ("mammoseg.dicom.parse", logging.WARNING, "the preamble is that of a program; it is not passed on")
    ]


def test_deflated_is_read(tmp_path):
    assert open_dicom(write_deflated(tmp_path)).PixelData == RAMP.tobytes()


def test_deflated_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parse, "MOST_INFLATED_BYTES", 100)
    with pytest.raises(InputRefusedError, match="E_DEFLATE"):
        open_dicom(write_deflated(tmp_path))


def test_deflated_that_was_cut_is_truncated(tmp_path):
    path = write_deflated(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputRefusedError, match="E_TRUNCATED: the deflated data set ends too soon"):
        open_dicom(path)


def test_damaged_deflate_is_refused():
    with pytest.raises(InputRefusedError, match="E_COMPRESSION: the deflated data set is damaged"):
        parse._inflate(b"\xff" * 100)


def test_nothing_is_inflated_beyond_the_cap(monkeypatch):
    monkeypatch.setattr(parse, "MOST_INFLATED_BYTES", 1000)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflate.compress(bytes(10**7)) + deflate.flush()
    tracemalloc.start()
    try:
        with pytest.raises(InputRefusedError, match="E_DEFLATE"):
            parse._inflate(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("syntax", [b"1.2.840.10008.1.2.4.50\0", b"1.2.840.10008.1.2.9\0", b"1.2.3\0"])
def test_pixels_packed_for_another_syntax_are_refused(tmp_path, syntax):
    path = write_mammogram(tmp_path)
    content = path.read_bytes()
    at = content.index(b"1.2.840.10008.1.2.1\0")
    syntax = syntax + b"\0" * (len(syntax) % 2)
    length = len(syntax).to_bytes(2, "little")
    path.write_bytes(content[: at - 2] + length + syntax + content[at + 20 :])
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        open_dicom(path)


def test_a_file_that_grows_once_is_read_again(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"half")
    assert read_bytes(path, check_head=_growing(path, times=1)) == b"half, and more"


def test_a_file_that_does_not_stop_growing_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"half")
    with pytest.raises(InputRefusedError, match="E_TRUNCATED: the file changes while it is read"):
        read_bytes(path, check_head=_growing(path, times=2))


def test_a_file_that_vanishes_is_refused(tmp_path):
    with pytest.raises(InputRefusedError, match="E_NOT_A_FILE: the file cannot be read"):
        read_bytes(tmp_path / "gone.dcm")


def test_a_file_beyond_the_largest_image_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(parse, "MOST_BYTES", 100)
    with pytest.raises(InputRefusedError, match="E_SIZE"):
        read_bytes(write_mammogram(tmp_path))


def test_more_elements_than_any_mammogram_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parse, "MOST_ELEMENTS", 10)
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM: .*more than 10 elements"):
        open_dicom(write_mammogram(tmp_path))


def _growing(path, *, times):
    left = [times]

    def grow(head):
        if left[0]:
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b", and more")

    return grow
