"""Which attributes an object lacks, by the tables of the standard that highdicom carries (PS3.3, innolitics)."""

from collections.abc import Iterator, Sequence

from highdicom._standard_utils import (  # private, of highdicom
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom import Dataset

UNJUDGED_MODULES = frozenset({"sr-document-content"})
"""Its tables flatten a recursive structure, so they ask for what only some content items have."""

FUNCTIONAL_GROUPS = frozenset({"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"})
"""A functional group stands in one of them, by choice, so that its absence from the other says nothing."""

TAKEN_OVER = ("patient", "general-study")
"""Modules that every object about an image repeats, PS3.3 C.7.1.1 and C.7.2.1."""


def load_tables() -> None:
    """Load what the first object would wait for otherwise."""
    get_module_attribute_map()


def find_lacking_attributes(dataset: Dataset) -> list[str]:
    """Attributes of mandatory modules that are absent (Type 1 and 2) or empty (Type 1), as ``Sequence.Keyword``.

    Conditions (Type 1C, 2C) are not judged, items of a sequence only where the sequence is there.

    Raises:
        KeyError: the tables do not know the SOP class.
    """
    iod = get_sop_class_iod_map()[dataset.SOPClassUID]
    return _find_lacking(dataset, [row["key"] for row in get_iod_module_map()[iod] if row["usage"] == "M"])


def list_types(sop_class: str) -> dict[str, str]:
    """Type (1, 1C, 2, 2C or 3) of what may stand at the top of an object, by keyword, as its mandatory modules have it.

    Raises:
        KeyError: the tables do not know the SOP class.
    """
    modules = [row["key"] for row in get_iod_module_map()[get_sop_class_iod_map()[sop_class]] if row["usage"] == "M"]
    attributes = (attribute for module in modules for attribute in get_module_attribute_map()[module])
    return {attribute["keyword"]: attribute["type"] for attribute in attributes if not attribute["path"]}


def find_incomplete_sequences(dataset: Dataset) -> list[str]:
    """Sequences of the modules `TAKEN_OVER` of which an item lacks what it must hold, as happens in archives."""
    return sorted({path.partition(".")[0] for path in _find_lacking(dataset, TAKEN_OVER) if "." in path})


def _find_lacking(dataset: Dataset, modules: Sequence[str]) -> list[str]:
    lacking = [
        ".".join([*attribute["path"], attribute["keyword"]])
        for module in modules
        if module not in UNJUDGED_MODULES
        for attribute in get_module_attribute_map()[module]
        if attribute["type"] in ("1", "2") and FUNCTIONAL_GROUPS.isdisjoint(attribute["path"][-1:])
        for item in _list_items_at(dataset, attribute["path"])
        if _is_lacking(item, attribute["keyword"], attribute["type"])
    ]
    return sorted(set(lacking))


def _list_items_at(dataset: Dataset, path: Sequence[str]) -> Iterator[Dataset]:
    if not path:
        yield dataset
        return
    for item in dataset.get(path[0]) or []:
        yield from _list_items_at(item, path[1:])


def _is_lacking(item: Dataset, keyword: str, kind: str) -> bool:
    return keyword not in item or (kind == "1" and item[keyword].is_empty)
