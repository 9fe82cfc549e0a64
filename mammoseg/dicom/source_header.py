"""What every DICOM object takes over from the header of its source."""

import copy

from pydicom import Dataset
from pydicom.uid import (
    UID,
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)

from mammoseg.dicom.attributes import read_laterality, read_view
from mammoseg.dicom.header import drop_control_characters, find_malformed_keywords
from mammoseg.dicom.iod import find_incomplete_sequences
from mammoseg.errors import InputRefusedError

TYPE_2_KEYWORDS = (
    "PatientID PatientName PatientBirthDate PatientSex ReferringPhysicianName "
    "StudyDate StudyTime StudyID AccessionNumber"
).split()
"""Type 2 attributes of Patient and General Study: may be empty, must be there, and highdicom asks for them."""

STANDARD_ORIENTATION = {
    ("L", "CC"): ["A", "R"],
    ("R", "CC"): ["P", "L"],
    ("L", "MLO"): ["A", "FR"],
    ("R", "MLO"): ["P", "FL"],
    ("L", "ML"): ["A", "F"],
    ("R", "ML"): ["P", "F"],
    ("L", "LM"): ["A", "F"],
    ("R", "LM"): ["P", "F"],
}
"""Patient Orientation (row, column) of the usual display of (laterality, view), used where the source states none."""

LOSSY_METHODS = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
}
"""Transfer syntaxes that always lose, with the Lossy Image Compression Method that says so, PS3.3 C.7.6.1.1.5."""

OPPOSITE_DIRECTIONS = ("AP", "HF", "LR")
"""Letters of Patient Orientation of which one value takes at most one of each pair, PS3.3 C.7.6.1.1.1."""


def build_source_header(source: Dataset) -> Dataset:
    """Copy of the header that highdicom takes: standard attributes without pixels, Type 2 attributes there.

    What is unusable is left out (see `find_unusable_keywords`), but for the two attributes that name the patient. Texts
    lose their control characters, so that no escape sequence reaches a terminal through a result.

    Raises:
        InputRefusedError: Patient ID or Patient's Name is malformed.
    """
    header = source[:0x60000000]  # overlays and pixels stay behind
    for tag in [tag for tag in header.keys() if tag.is_private]:
        del header[tag]
    header = copy.deepcopy(header)
    drop_control_characters(header)
    for keyword in find_unusable_keywords(header):
        if keyword in ("PatientID", "PatientName"):
            raise InputRefusedError("E_ATTRIBUTE", f"{keyword} is malformed, so a result cannot say whose it is.")
        del header[keyword]
    for keyword in TYPE_2_KEYWORDS:
        if keyword not in header:
            setattr(header, keyword, None)
    if header.PatientSex not in ("M", "F", "O"):
        header.PatientSex = None
    if "NumberOfFrames" in header:
        del (
            header.NumberOfFrames
        )  # one frame (Analysis checks it); its presence makes highdicom see a multi-frame image
    if not header.get("LossyImageCompression"):
        header.pop("LossyImageCompression", None)
    method = LOSSY_METHODS.get(getattr(source, "file_meta", {}).get("TransferSyntaxUID", ""))
    if method is not None and header.get("LossyImageCompression") != "01":
        header.LossyImageCompression, header.LossyImageCompressionMethod = "01", method
    if not UID(header.get("FrameOfReferenceUID") or "").is_valid:
        header.pop("FrameOfReferenceUID", None)
    if header.SOPClassUID == BreastTomosynthesisImageStorage:  # highdicom would look for frames; `stamp` says it again
        header.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    return header


def find_unusable_keywords(source: Dataset) -> list[str]:
    """Attributes that no object takes over: malformed ones, and sequences that lack what DICOM requires of them."""
    malformed = find_malformed_keywords(source)
    return malformed + [keyword for keyword in find_incomplete_sequences(source) if keyword not in malformed]


def find_patient_orientation(source: Dataset) -> list[str] | None:
    """The source's, else that of the usual display of its side and view, else empty (the attribute is Type 2C)."""
    stated = source.get("PatientOrientation") or []
    if len(stated) == 2 and all(_is_direction(value) for value in stated):
        return list(stated)
    return STANDARD_ORIENTATION.get((read_laterality(source) or "", read_view(source) or ""))


def _is_direction(value: str) -> bool:
    axes = [pair for letter in value for pair in OPPOSITE_DIRECTIONS if letter in pair]
    return 1 <= len(value) == len(axes) == len(set(axes))
