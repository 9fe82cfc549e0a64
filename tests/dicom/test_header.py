"""Control characters of a source do not pass into what is made from it; letters of every character set do."""

import unicodedata

import pydicom
import pytest
from pydicom import uid

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.header import drop_control_characters, find_malformed_keywords
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.sr import build_report
from mammoseg.dicom.write import write_object
from tests.made_analysis import made_analysis, made_source

BUILDERS = {
    "SEG": lambda analysis, folder: build_segmentation(analysis),
    "SR": lambda analysis, folder: build_report(analysis),
    "CAD SR": lambda analysis, folder: build_cad_report(analysis),
    "SC": lambda analysis, folder: build_secondary_capture(analysis, read_mammogram(folder / "source.dcm")),
    "PR": lambda analysis, folder: build_presentation_state(analysis),
}

TEXTS = ("PN", "LO", "SH", "ST", "LT", "UT", "UC")


@pytest.fixture(params=BUILDERS)
def made(request, tmp_path):
    """Build an object from a source with these attributes, write it and read it back."""

    def made(**attributes):
        source = made_source(tmp_path)
        with pydicom.config.disable_value_validation():
            for keyword, value in attributes.items():
                setattr(source, keyword, value)
        built = BUILDERS[request.param](made_analysis(tmp_path, source=source), tmp_path)
        write_object(built, tmp_path / "object.dcm")
        return pydicom.dcmread(tmp_path / "object.dcm")

    return made


def texts(dataset):
    for element in dataset.iterall():
        if element.VR in TEXTS:
            yield from map(str, element.value if element.VM > 1 else [element.value])


CONTROL = {
    "escape sequence": "A\x1b[31mB",
    "escape sequence of one byte": "A\x9b31mB",
    "bell and title": "A\x1b]0;B\x07",
    "character set that is not declared": "A\x1b$B;3ED\x1b(B",
    "line break": "A\r\nB",
    "delete and null": "A\x7f\x00B",
}


@pytest.mark.parametrize("text", CONTROL.values(), ids=CONTROL)
def test_no_control_character_of_the_source_comes_into_an_object(made, text):
    dataset = made(PatientName=text, PatientID=text, StudyID=text[:16], AccessionNumber=text[:16])
    assert [found for found in texts(dataset) if any(unicodedata.category(letter) == "Cc" for letter in found)] == []
    assert str(dataset.PatientName).startswith("A")


NAMES = {
    "Japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "Latin": ("ISO_IR 100", "Müller^Jürg"),
    "UTF-8": ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
}


@pytest.mark.parametrize(("character_set", "name"), NAMES.values(), ids=NAMES)
def test_a_name_in_the_character_set_of_the_source_stays(made, character_set, name):
    dataset = made(SpecificCharacterSet=character_set, PatientName=name)
    assert str(dataset.PatientName) == name


def test_texts_of_several_lines_keep_their_lines():
    dataset = pydicom.Dataset()
    dataset.PatientComments, dataset.OtherPatientNames = "one\r\ntwo\x1b[1m", ["A\x1b^B", "C"]
    drop_control_characters(dataset)
    assert dataset.PatientComments == "one\r\ntwo[1m"
    assert [str(name) for name in dataset.OtherPatientNames] == ["A^B", "C"]


def test_an_object_refers_to_a_synthesized_frame_by_its_own_class(made):
    tomosynthesis = {"SOPClassUID": uid.BreastTomosynthesisImageStorage, "NumberOfFrames": 1}
    dataset = made(**tomosynthesis, ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"])
    classes = {str(e.value) for e in dataset.iterall() if e.keyword == "ReferencedSOPClassUID"}
    assert classes <= {uid.BreastTomosynthesisImageStorage}


@pytest.mark.parametrize("order", [("ISO_IR 192", "ISO_IR 100"), ("ISO_IR 100", "ISO_IR 192")])
def test_the_same_bytes_are_judged_by_the_letters_that_they_are(order, tmp_path):
    """A code of sixteen letters at most: ten of two bytes each in UTF-8, or twenty of one byte."""
    malformed = {}
    for character_set in order:
        source = made_source(tmp_path)
        source.SpecificCharacterSet = character_set
        source.add_new("StudyID", "SH", "x")
        with pydicom.config.disable_value_validation():
            source.StudyID = "é" * 10 if character_set == "ISO_IR 192" else ("é" * 10).encode("utf-8").decode("latin-1")
            source.save_as(tmp_path / "source.dcm")
        read = pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True)
        malformed[character_set] = find_malformed_keywords(read)
    assert malformed == {"ISO_IR 192": [], "ISO_IR 100": ["StudyID"]}
