"""Which attributes break the rules of their values, so that a result must not repeat them."""

from collections.abc import Iterator

from pydicom import DataElement, Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_has_tag, dictionary_VM, keyword_for_tag
from pydicom.tag import BaseTag

from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.values import MALFORMED


@no_header_values_in_warnings()
def malformed_keywords(dataset: Dataset) -> list[str]:
    """Standard attributes whose value breaks PS3.5 6.2: a date that does not exist, a text too long, two for one.

    A sequence is malformed when an attribute in one of its items is.
    """
    return [keyword_for_tag(tag) for tag in _malformed_tags(dataset)]


def _malformed_tags(dataset: Dataset) -> Iterator[BaseTag]:
    return (tag for tag in list(dataset.keys()) if dictionary_has_tag(tag) and not _is_sound(dataset, tag))


def _is_sound(dataset: Dataset, tag: BaseTag) -> bool:
    try:
        element = dataset[tag]
        if element.VR == "SQ":
            return not any(True for item in element.value for _ in _malformed_tags(item))
        if element.VM > 1 and dictionary_VM(tag) == "1":
            return False
        value = str(element.value) if element.VR == "PN" else element.value  # a PersonName is never checked again
        DataElement(tag, element.VR, value, validation_mode=RAISE)
    except MALFORMED:
        return False
    return True
