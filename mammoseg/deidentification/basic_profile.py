"""The Basic Application Level Confidentiality Profile of DICOM, PS3.15 Table E.1-1, for one image.

The table and the walk over it come from dicom-anonymizer. What that library leaves is done here: it does not look
into sequences that stay, gives dates the value 00010101, draws UIDs at random, and knows neither file meta nor elements
that no dictionary names.
"""

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Protocol

from dicomanonymizer import simpledicomanonymizer as library
from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag
from pydicom.uid import UID, UID_dictionary

from mammoseg import __version__
from mammoseg.dicom.codes import build_code_item
from mammoseg.errors import InputRefusedError

TABLE = "dicomfields_2026c"
"""Edition of Table E.1-1 in dicom-anonymizer."""

METHOD = f"PS3.15 Basic Profile: mammoseg {__version__}, dicom-anonymizer {version('dicom-anonymizer')}"

BASIC_PROFILE = Code("113100", "DCM", "Basic Application Confidentiality Profile")

FREE_VRS = frozenset(["AE", "AS", "DA", "DT", "LT", "OB", "PN", "ST", "TM", "UC", "UN", "UR", "UT"])
"""Texts without a closed set of values, times and unknown bytes: what the table does not name of these goes too."""

KEPT_LABELS = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        "Manufacturer ManufacturerModelName SoftwareVersions ModalityLUTType RescaleType SpatialResolution "
        "CodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning ContextUID LongCodeValue"
    ).split()
)
"""Short texts (LO, SH) that stay: of the make, of units and of codes."""

PIXEL_DATA = 0x7FE0_0010

IMAGE_GROUP = 0x0028
"""What of it is malformed is refused, not removed, as the pixels would then mean something else."""

NUMBER = re.compile(r" *([-+]?[0-9.]+([eE][-+]?[0-9]+)?)? *")

FORMS = {"DS": NUMBER, "IS": NUMBER, "CS": re.compile(r"[A-Z0-9_ ]*")}
"""What pydicom keeps as it stands where it is no number or code."""

Rule = Callable[[Dataset, tuple[int, int]], None]


class Pseudonyms(Protocol):
    """New names for old ones, always the same for the same."""

    def derive_uid(self, old: str) -> str:
        """The UID that stands for `old`."""

    def derive_patient_id(self, old: str) -> str:
        """The code that stands for a Patient ID."""


def deidentify_dataset(dataset: Dataset, pseudonyms: Pseudonyms) -> None:
    """Take out of `dataset` all that names a person, in place; pixels are not touched.

    Attributes that may be missing (X of the table, also X/D) are removed, those that may be empty (Z, also X/Z and Z/D)
    are emptied, UIDs (U) are replaced. Patient ID and name become the patient's code.
    """
    patient = pseudonyms.derive_patient_id(str(dataset.get("PatientID") or "").strip())
    _apply(dataset, _build_rules(pseudonyms), pseudonyms)
    dataset.PatientID = dataset.PatientName = patient
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.DeidentificationMethodCodeSequence = [build_code_item(BASIC_PROFILE)]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    dataset.file_meta = meta
    dataset.preamble = bytes(128)


def _apply(dataset: Dataset, rules: dict[tuple[int, int], Rule], pseudonyms: Pseudonyms) -> None:
    """Apply the rules to one level, then to every item of the sequences that stay."""
    library.anonymize_dataset(dataset, base_rules_gen=rules.copy, delete_private_tags=False)
    for tag in list(dataset.keys()):
        in_table = (tag.group, tag.element) in rules
        if not in_table and _is_left_behind(dataset, tag):
            del dataset[tag]
        elif not in_table and dataset[tag].VR == "UI":
            _replace_uids(dataset, tag, pseudonyms)
        elif dataset[tag].VR == "SQ":
            for item in dataset[tag].value:
                _apply(item, rules, pseudonyms)


def _is_left_behind(dataset: Dataset, tag: BaseTag) -> bool:
    """Whether the table is silent about an element that could name a person all the same."""
    if tag == PIXEL_DATA:
        return False
    if tag.is_private or tag.group & 0xFF00 in (0x5000, 0x6000) or not dictionary_has_tag(tag):
        return True
    element = dataset[tag]
    if not _is_well_formed(element, dictionary_VR(tag)):
        if tag.group == IMAGE_GROUP:
            raise InputRefusedError("E_ATTRIBUTE", f"{dictionary_description(tag)} does not hold what it should.")
        return True
    return element.VR in FREE_VRS or (element.VR in ("LO", "SH") and tag not in KEPT_LABELS)


def _is_well_formed(element: DataElement, representations: str) -> bool:
    """Whether a number is one and a code has the letters of one; anything else may be text that names a person."""
    if element.VR not in representations.split(" or "):
        return False
    if element.VR not in FORMS or element.is_empty:
        return True
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return all(FORMS[element.VR].fullmatch(str(value)) for value in values)


def _build_rules(pseudonyms: Pseudonyms) -> dict[tuple[int, int], Rule]:
    """The table with our own way to carry out each action; overlays, curves and file meta need no rule."""

    def replace_uids(dataset: Dataset, tag: tuple[int, int]) -> None:
        _replace_uids(dataset, tag, pseudonyms)

    own: dict[str, Rule] = {
        "replace": _replace,
        "empty": _empty,
        "empty_or_replace": _empty,
        "delete_or_empty": _empty,
        "replace_UID": replace_uids,
        "delete_or_empty_or_replace_UID": library.keep,  # sequences of references: their items follow the same rules
    }
    table = library.initialize_actions(TABLE)
    return {tag: own.get(table[tag].__name__, _remove) for tag in table if len(tag) == 2 and tag[0] != 2}


def _remove(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        del dataset[tag]


def _empty(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        representation = dictionary_VR(tag)
        dataset.add_new(tag, representation, [] if representation == "SQ" else None)


def _replace(dataset: Dataset, tag: tuple[int, int]) -> None:
    """A dummy value; sequences that ask for one belong to no image and are removed."""
    if dictionary_VR(tag) in ("SQ", "UI"):
        _remove(dataset, tag)
    elif tag in dataset:
        dataset.add_new(tag, dictionary_VR(tag), None)
        library.replace(dataset, tag)


def _replace_uids(dataset: Dataset, tag: tuple[int, int] | BaseTag, pseudonyms: Pseudonyms) -> None:
    """Replace UIDs of things; those that the standard itself defines, such as SOP classes, stay."""
    element = dataset.get(tag)
    if element is None or not element.value:
        return
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    new = [value if value in UID_dictionary else pseudonyms.derive_uid(str(value)) for value in values]
    element.value = [UID(value) for value in new] if len(new) > 1 else UID(new[0])
