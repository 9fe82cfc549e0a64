"""Who is in which section: the rows of a datalist, or of any CSV with columns for image, patient and section."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import DATALIST, SECTIONS, DatalistError, read_datalist
from mammoseg.errors import NothingUsableError, WrongCallError

COLUMNS = {"image": "image", "patient": "patient", "split": "split"}
"""Columns of a CSV, as they are called where the caller does not say."""


@dataclass(frozen=True)
class SplitRow:
    """One image of a split.

    Attributes:
        section: part of the split, such as ``training``; a CSV may use any words.
        image: path of the picture, which may not be there.
        name: what its table calls it.
        patient: code of the patient, as it stands there.
        breast: ``L``, ``R`` or what a CSV says; None where it is not known.
        source: source of a datalist, ``""`` for a CSV.
    """

    section: str
    image: Path
    name: str
    patient: str
    breast: str | None
    source: str


def is_table(path: Path | str) -> bool:
    """Whether a file is taken for a CSV, by its name, and not for a datalist."""
    return Path(path).suffix.lower() != ".json"


def read_rows(path: Path, columns: Mapping[str, str]) -> list[SplitRow]:
    """Rows of a datalist (``.json``) or of a CSV.

    Args:
        columns: names of the columns ``image``, ``patient``, ``split`` and, if there is one, ``side``.
    Raises:
        WrongCallError: the CSV lacks a column.
        NothingUsableError: the file cannot be read, or a row of a CSV lacks a value.
    """
    if not path.is_file():
        inside = path / DATALIST
        near = f"; did you mean {inside}?" if inside.is_file() else "; name a datalist.json, or a CSV."
        raise NothingUsableError(f"'{path}' is not a file{near}")
    if not is_table(path):
        return _read_rows_of_datalist(path)
    try:
        _, rows = read_csv(path)
    except WrongCallError as error:
        raise NothingUsableError(str(error)) from error
    read_csv(path, needed=columns.values())
    for number, row in enumerate(rows, start=1):
        if empty := [columns[key] for key in COLUMNS if not row[columns[key]].strip()]:
            raise NothingUsableError(f"{path}, row {number}, has no {empty[0]}; give one, or take the row out.")
    return [
        SplitRow(
            row[columns["split"]].strip(),
            path.parent / row[columns["image"]],
            row[columns["image"]],
            row[columns["patient"]].strip(),
            row[columns["side"]].strip() or None if "side" in columns else None,
            "",
        )
        for row in rows
    ]


def _read_rows_of_datalist(path: Path) -> list[SplitRow]:
    try:
        datalist = read_datalist(path, by_patient=False)
    except DatalistError as error:
        raise NothingUsableError(str(error)) from error
    return [
        SplitRow(
            section,
            path.parent / record["image"],
            record["image_id"],
            record["patient_id"],
            record["laterality"],
            datalist["source"],
        )
        for section in SECTIONS
        for record in datalist[section]
    ]
