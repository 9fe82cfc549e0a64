"""The optional CSV beside a folder of images: what it may say, checked cell by cell; docs/datasets/folder.md."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import SECTIONS, Record
from mammoseg.data.ingest_job import IngestReport
from mammoseg.data.splits import SEVERITY
from mammoseg.errors import WrongCallError
from mammoseg.mammogram import PIXEL_SIZES_MM, is_pixel_size
from mammoseg.paths import get_stem


def read_table(path: Path, root: Path, images: Sequence[Path], report: IngestReport) -> dict[Path, Record]:
    """Facts of each image that the table names in its column ``image``: path relative to the folder, name or stem.

    Raises:
        WrongCallError: the table is missing or has no such column, or names two images at once, one image twice, or a
            value that a datalist cannot hold.
    """
    if not path.is_file():
        raise WrongCallError(f"table '{path}' is not a file; give the path of a CSV file.")
    columns, rows = read_csv(path, needed=["image"])
    for column in columns:
        if column != "image" and column not in CONVERTERS:
            report.note("table columns not used", column)
    names = _group_by_name(root, images)
    table: dict[Path, Record] = {}
    for number, row in enumerate(rows, start=2):
        place = f"{path}, row {number}"
        fitting = names.get(normalize("NFC", row["image"].strip()), [])
        if not fitting:
            report.skip("table rows without an image", f"row {number}")
            continue
        if len(fitting) > 1 or fitting[0] in table:
            raise WrongCallError(f"{place}: its image is not one of its own; name each image once, by relative path.")
        table[fitting[0]] = _read_facts(row, place)
    return table


def _group_by_name(root: Path, images: Sequence[Path]) -> dict[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for image in images:
        relative = image.relative_to(root)
        for name in {
            relative.as_posix(),
            (relative.parent / get_stem(relative)).as_posix(),
            image.name,
            get_stem(image),
        }:
            names.setdefault(normalize("NFC", name), []).append(image)
    return names


def _read_facts(row: dict[str, str], place: str) -> Record:
    facts: Record = {}
    for column, convert in CONVERTERS.items():
        cell = (row.get(column) or "").strip()
        if not cell:
            continue
        try:
            facts[column] = convert(cell)
        except (ValueError, KeyError) as error:
            raise WrongCallError(f"{place}: {column} is '{cell}', {RULES[column]}; or leave it empty.") from error
    return facts


def _build_choice(values: dict[str, Any]) -> Callable[[str], Any]:
    return lambda cell: values[cell.upper()]


def _build_whole_number(low: int, high: int) -> Callable[[str], int]:
    allowed = range(low, high + 1)
    return lambda cell: allowed[allowed.index(int(cell))]


def _parse_spacing(cell: str) -> list[float]:
    size = float(cell)
    if not is_pixel_size([size, size]):
        raise ValueError("not a pixel of a mammogram")
    return [size, size]


CONVERTERS: dict[str, Callable[[str], Any]] = {
    "patient_id": str,
    "laterality": _build_choice({"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}),
    "view": str.upper,
    "pathology": _build_choice({name: name for name in SEVERITY}),
    "has_mass": _build_choice({"0": False, "NO": False, "FALSE": False, "1": True, "YES": True, "TRUE": True}),
    "birads": _build_whole_number(0, 6),
    "density": _build_whole_number(1, 4),
    "subtlety": _build_whole_number(1, 5),
    "shape": str,
    "margin": str,
    "vendor": str,
    "pixel_spacing_mm": _parse_spacing,
    "split": _build_choice({name.upper(): name for name in SECTIONS}),
}
"""What a cell of a column becomes in the record; ``ValueError`` or ``KeyError`` for what it cannot be."""

RULES = {
    "laterality": "known: L, R, LEFT, RIGHT",
    "pathology": f"known: {', '.join(SEVERITY)}",
    "has_mass": "known: 0, 1, no, yes, false, true",
    "birads": "a whole number from 0 to 6",
    "density": "a whole number from 1 to 4 (A to D)",
    "subtlety": "a whole number from 1 to 5",
    "pixel_spacing_mm": "a number of mm from {:g} to below {:g}".format(*PIXEL_SIZES_MM),
    "split": f"known: {', '.join(SECTIONS)}",
}
