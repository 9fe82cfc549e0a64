"""One value of an attribute, or a refusal that does not repeat it."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mammoseg.dicom.attributes import read_items, read_numbers, read_strings
from mammoseg.dicom.header import find_malformed_keywords
from mammoseg.dicom.parse import parse_dicom
from mammoseg.dicom.values import read_integer, read_text
from mammoseg.errors import InputRefusedError
from tests.made_dicom import write_mammogram


def raw(keyword, vr, value):
    """A data set with one element whose value no one has converted yet."""
    dataset = Dataset()
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return dataset


def test_what_is_absent_or_empty_is_the_default():
    assert read_integer(Dataset(), "Rows", 7) == 7
    assert read_integer(raw("NumberOfFrames", "IS", b""), "NumberOfFrames", 7) == 7
    assert read_text(Dataset(), "Modality") == ""


def test_one_value_is_given():
    assert read_integer(raw("Rows", "US", b"\x03\0"), "Rows") == 3
    assert read_integer(raw("NumberOfFrames", "IS", b"12"), "NumberOfFrames") == 12
    assert read_text(raw("Modality", "CS", b"MG"), "Modality") == "MG"


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("Rows", "US", b"\x03\0\x04\0"),
        ("Rows", "US", b"\x03"),
        ("Rows", "LO", b"SECRET"),
        ("NumberOfFrames", "IS", b"SECRET"),
        ("NumberOfFrames", "IS", b"1.5"),
    ],
)
def test_what_is_no_whole_number_is_refused_and_not_repeated(keyword, vr, value):
    with pytest.raises(InputRefusedError, match="E_ATTRIBUTE") as refusal:
        read_integer(raw(keyword, vr, value), keyword)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize(("vr", "value"), [("CS", b"MG\\CT"), ("US", b"\x03\0")])
def test_what_is_not_one_text_is_refused(vr, value):
    with pytest.raises(InputRefusedError, match="E_ATTRIBUTE: Modality does not hold one text"):
        read_text(raw("Modality", vr, value), "Modality")


class WholeNewError(Exception):
    """Of a kind that no list could have named."""


def raises_new(*arguments, **options):
    raise WholeNewError("SECRET")


def test_an_error_of_any_kind_out_of_pydicom_refuses_the_value_and_is_not_repeated(monkeypatch):
    dataset = raw("Modality", "CS", b"MG")
    monkeypatch.setattr(Dataset, "get", raises_new)
    with pytest.raises(InputRefusedError, match="E_ATTRIBUTE: Modality does not hold what it should") as refusal:
        read_text(dataset, "Modality")
    assert "SECRET" not in str(refusal.value)


def test_an_error_of_any_kind_leaves_an_attribute_that_may_be_absent_absent(monkeypatch):
    dataset = raw("PatientAge", "AS", b"050Y")
    monkeypatch.setattr(Dataset, "__getitem__", raises_new)
    monkeypatch.setattr(Dataset, "get", raises_new)
    assert [
        read_strings(dataset, "PatientAge"),
        read_numbers(dataset, "PatientAge"),
        *read_items(dataset, "PatientAge"),
    ] == [[], []]
    assert find_malformed_keywords(dataset) == ["PatientAge"]


def test_an_error_of_any_kind_refuses_a_file(monkeypatch, tmp_path):
    content = write_mammogram(tmp_path).read_bytes()
    monkeypatch.setattr("pydicom.dcmread", raises_new)
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM: the file starts like DICOM, but cannot be parsed"):
        parse_dicom(content)
