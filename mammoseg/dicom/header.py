"""What of a header a result must not repeat: attributes that break the rules of their values, control characters."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pydicom import DataElement, Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_has_tag, dictionary_VM, keyword_for_tag
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.tag import BaseTag

from mammoseg.border import passed_over
from mammoseg.dicom.quiet import no_header_values_in_warnings

TEXTS = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
"""Value representations in which Specific Character Set counts; only they may hold escape sequences (PS3.5 6.1.2.5)."""

LINE_BREAKS = "\t\n\f\r"
"""Control characters that texts of several lines may hold, PS3.5 6.1.3."""

SEVERAL_LINES = {"LT", "ST", "UT"}

NEED_THE_REST = {None, "SQ", "UN"}
"""Value representations that the bytes of an element alone do not say or do not make sense of."""

MOST_REMEMBERED = 256
"""Bytes of the longest value of which it is remembered whether it is sound."""


def drop_control_characters(dataset: Dataset) -> None:
    """Take control characters (C0, C1, DEL) out of the texts of a data set and its items, in place.

    The escape sequences that Specific Character Set allows are read as the letters that they announce, and written
    again; what is still a control character after that has no business in a text.
    """
    for tag in list(dataset.keys()):
        with passed_over():  # `find_malformed_keywords` finds it
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    drop_control_characters(item)
            elif element.VR in TEXTS:
                values = [str(value) for value in (element.value if element.VM > 1 else [element.value or ""])]
                clean = [_without_control(value, element.VR) for value in values]
                if clean != values:
                    element.value = clean if len(clean) > 1 else clean[0]


def _without_control(text: str, representation: str) -> str:
    kept = LINE_BREAKS if representation in SEVERAL_LINES else ""
    return "".join(letter for letter in text if letter in kept or unicodedata.category(letter) != "Cc")


@no_header_values_in_warnings()
def find_malformed_keywords(dataset: Dataset) -> list[str]:
    """Standard attributes whose value breaks PS3.5 6.2: a date that does not exist, a text too long, two for one.

    A sequence is malformed when an attribute in one of its items is.
    """
    return [keyword_for_tag(tag) for tag in _find_malformed_tags(dataset)]


def _find_malformed_tags(dataset: Dataset) -> Iterator[BaseTag]:
    return (tag for tag in list(dataset.keys()) if dictionary_has_tag(tag) and not _is_sound(dataset, tag))


def _is_sound(dataset: Dataset, tag: BaseTag) -> bool:
    raw, letters = dataset.get_item(tag), dataset.original_character_set
    if isinstance(raw, RawDataElement) and raw.VR not in NEED_THE_REST and letters and raw.length <= MOST_REMEMBERED:
        return _is_sound_raw(raw._replace(value_tell=0), (letters,) if isinstance(letters, str) else tuple(letters))
    with passed_over():
        element = dataset[tag]
        if element.VR == "SQ":
            return not any(True for item in element.value for _ in _find_malformed_tags(item))
        return _is_sound_element(element)
    return False


@lru_cache(maxsize=4096)
def _is_sound_raw(raw: RawDataElement, letters: tuple[str, ...]) -> bool:
    """The same of bytes as they stand in a file: the codes of a report, of which each holds hundreds, are alike in all.

    Args:
        letters: encodings of the texts.
    """
    with passed_over():
        return _is_sound_element(convert_raw_data_element(raw, encoding=list(letters)))
    return False


def _is_sound_element(element: DataElement) -> bool:
    """Whether an element that is no sequence has one value where only one may be; raises what its values break."""
    if element.VM > 1 and dictionary_VM(element.tag) == "1":
        return False
    value = str(element.value) if element.VR == "PN" else element.value  # a PersonName is never checked again
    DataElement(element.tag, element.VR, value, validation_mode=RAISE)
    return True
