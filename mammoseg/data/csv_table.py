"""CSV files that people and other programs made."""

import csv
from collections.abc import Iterable
from pathlib import Path

from mammoseg.errors import WrongCallError


def read_csv(path: Path, *, needed: Iterable[str] = ()) -> tuple[list[str], list[dict[str, str]]]:
    """Columns, and rows by column, of a CSV file in UTF-8 with a line of headings; a byte order mark may precede them.

    A cell that a short row lacks is empty.

    Raises:
        WrongCallError: it is no such file, or lacks a column that is needed.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns, rows = list(reader.fieldnames or ()), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongCallError(f"{path} is no CSV in UTF-8; save it as 'CSV UTF-8'.") from error
    if missing := [name for name in needed if name not in columns]:
        raise WrongCallError(f"{path} has no column '{missing[0]}'; it has: {', '.join(columns)}.")
    return columns, rows
