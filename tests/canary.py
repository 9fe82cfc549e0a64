"""A mammogram whose every identifying attribute holds a mark, and the search for these marks."""

from pathlib import Path

import numpy as np
import pydicom
from dicomanonymizer import simpledicomanonymizer as library
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import Tag

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.deidentification.basic_profile import TABLE

MARK = "CANARY"
MARK_UID = "1.2.826.0.1.3680043.4711"
TIMES = {"DA": "19570214", "TM": "131743", "DT": "19570214131743"}
MARKS = (MARK, MARK_UID, "19570214", "131743")

NEEDED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "TimezoneOffsetFromUTC")
"""Attributes of the table that a file needs; the UIDs are marked with values that differ."""

TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AE", "CS")


def write_canary(
    path: Path, pixels: np.ndarray, *, number: int = 0, after: dict[str, str | bytes] | None = None
) -> Path:
    """Write a mammogram with marks in all that PS3.15 Table E.1-1 names, in items, private elements and file meta.

    Args:
        number: of patient and image; their identifiers hold it behind the mark.
        after: attributes that are set last.
    """
    with pydicom.config.disable_value_validation():
        dataset = write_mammogram(path, pixels)
        _plant(dataset)
        _plant_beside_the_table(dataset)
        view = dataset.ViewCodeSequence[0]
        for item in (view, Dataset()):
            _plant(item)
            _plant_beside_the_table(item)
        view.ViewModifierCodeSequence = [item]
        dataset.PatientID = f"{MARK}-{number}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{MARK_UID}.{number}.2", f"{MARK_UID}.{number}.3"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{MARK_UID}.{number}.4"
        _plant_in_file_meta(dataset)
        for keyword, value in (after or {}).items():
            tag = tag_for_keyword(keyword)
            dataset[tag] = _raw(tag, value)
        dataset.save_as(path)
    return path


def marks_in(content: bytes) -> list[str]:
    """The marks that stand in these bytes, in UTF-8 or UTF-16."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    return [mark for mark in MARKS if any(mark.encode(encoding) in content for encoding in encodings)]


def _plant(dataset: Dataset) -> None:
    for tag in library.initialize_actions(TABLE):
        if len(tag) > 2 or tag[0] in (0, 2) or keyword_for_tag(tag) in NEEDED:
            continue
        representation = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
        if representation == "SQ":
            dataset.add_new(tag, "SQ", [_item_with_mark()])
        elif (value := _mark_of(representation)) is not None:
            dataset.add_new(tag, representation, value)


def _plant_beside_the_table(dataset: Dataset) -> None:
    block = dataset.private_block(0x0011, f"{MARK} maker", create=True)
    block.add_new(1, "LO", MARK)
    block.add_new(2, "SQ", [_item_with_mark()])
    dataset.LUTExplanation = dataset.PixelSpacingCalibrationDescription = MARK
    dataset.add_new(0x0008_FFFE, "LO", MARK)  # in no dictionary
    dataset.add_new(0x6000_3000, "OW", MARK.encode())
    dataset.add_new(0x6000_1500, "LO", MARK)
    dataset.add_new(0x5000_2500, "LO", MARK)
    dataset[0x0018_7060] = DataElement(0x0018_7060, "LO", MARK)  # Exposure Control Mode, declared as another VR


def _plant_in_file_meta(dataset: FileDataset) -> None:
    dataset.add_new(0xFFFC_FFFC, "OB", MARK.encode())
    dataset.file_meta.SourceApplicationEntityTitle = MARK
    dataset.file_meta.PrivateInformationCreatorUID = f"{MARK_UID}.5"
    dataset.file_meta.PrivateInformation = MARK.encode()
    dataset.preamble = MARK.encode().ljust(128, b"\0")


def _mark_of(representation: str) -> str | bytes | None:
    """A mark of this value representation, None where its values cannot name a person."""
    if representation in TEXTS:
        return MARK
    if representation in ("OB", "UN"):
        return MARK.encode()
    return TIMES.get(representation) or {"UI": f"{MARK_UID}.1", "AS": "047Y"}.get(representation)


def _raw(tag: int, value: str | bytes) -> RawDataElement:
    """An element of any bytes, whatever its representation allows."""
    content = value.encode() if isinstance(value, str) else value
    content += b" " * (len(content) % 2)
    return RawDataElement(Tag(tag), dictionary_VR(tag), len(content), content, 0, False, True)


def _item_with_mark() -> Dataset:
    item = Dataset()
    item.PersonName = item.TextValue = MARK
    return item
