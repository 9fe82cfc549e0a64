"""What stands in a DICOM object that was made of a mammogram: a row an attribute, for the conformance statement."""

from typing import Any

import checkout  # noqa: F401  # the package is that of this checkout
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from mammoseg.dicom import iod
from mammoseg.dicom.mask import LABEL_MAP_SEGMENTATION_STORAGE

COMPUTED_VRS = ("SQ", "OB", "OW", "OB or OW", "UI", "DA", "TM", "DT")
"""Value representations whose values follow from the mammogram and are not shown, but for the SOP class."""

NAMES = {LABEL_MAP_SEGMENTATION_STORAGE: "Label Map Segmentation Storage"}
"""SOP classes that pydicom's dictionary does not name yet."""


def describe_object(title: str, made: Dataset, source: Dataset) -> dict[str, Any]:
    """Name, syntax and a row an attribute, of an object that was made of a mammogram."""
    types = iod.list_types(made.SOPClassUID)
    rows = [
        {
            "name": element.name,
            "tag": f"({element.tag.group:04X},{element.tag.element:04X})",
            "type": types.get(element.keyword, "3"),
            "value": _say_value(element, source),
        }
        for element in made
    ]
    return {
        "title": title,
        "name": say_class_name(made.SOPClassUID),
        "uid": made.SOPClassUID,
        "syntax": made.file_meta.TransferSyntaxUID.name,
        "rows": rows,
    }


def _say_value(element: Any, source: Dataset) -> str:
    if element.is_empty:
        return "empty"
    if element.keyword in source and source[element.keyword].value == element.value:
        return "*image*"
    if element.VR in COMPUTED_VRS and element.keyword != "SOPClassUID":
        return "*computed*"
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return "\\\\".join(map(str, values)).replace("|", "\\|")


def say_class_name(sop_class: UID) -> str:
    """Name of a SOP class."""
    return NAMES.get(sop_class, sop_class.name)
