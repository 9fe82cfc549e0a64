"""CSV files: those that people and other programs made are read, our own are written whole or not at all."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.files import as_printable, atomic_path
from mammoseg.folders import is_file

_FORMULA = re.compile(r"(?![+-]\d+(\.\d+)?\Z)'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet would compute, and is no signed number; `write_csv` puts a ``'`` before it."""


def read_csv(path: Path, *, needed: Iterable[str] = (), delimiter: str = ",") -> tuple[list[str], list[dict[str, str]]]:
    """Columns, and rows by column, of a CSV file in UTF-8 with a line of headings; a byte order mark may precede them.

    A cell that a short row lacks is empty; empty cells behind the last heading are left out, and so is the ``'`` that
    `write_csv` puts before a formula.

    Raises:
        WrongCallError: it is no such file, lacks a column that is needed or has it twice, or a row has more cells than
            there are headings.
    """
    needed = list(needed)
    if not is_file(path):  # a pipe would be read for ever
        raise WrongCallError(f"{path} is no regular file; name a CSV.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="", delimiter=delimiter)
            columns, rows = list(reader.fieldnames or ()), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongCallError(f"{path} is no CSV in UTF-8; save it as 'CSV UTF-8'.") from error
    if missing := [name for name in needed if name not in columns]:
        there = as_printable(", ".join(columns))[:300] or "none"
        raise WrongCallError(f"{path} has no column '{missing[0]}'; it has: {there}.")
    if doubled := [name for name in needed if columns.count(name) > 1]:
        raise WrongCallError(f"{path} has two columns '{doubled[0]}'; keep one of them.")
    for number, row in enumerate(rows, start=2):
        if any(cell.strip() for cell in row.pop(None, ())):
            raise WrongCallError(
                f"{path}, row {number}, has more cells than the {len(columns)} headings; write decimals with a point, "
                f"and cells with '{delimiter}' in double quotes."
            )
    return columns, [{name: _as_it_was(cell) for name, cell in row.items()} for row in rows]


def write_csv(
    path: Path, rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str] | None = None, mode: int = 0o666
) -> None:
    """Write rows with a line of headings; what a row lacks is an empty cell.

    A leading ``'`` keeps a spreadsheet from taking a text, such as the name of a file, for a formula.

    Args:
        path: the CSV file to write.
        rows: values by column.
        columns: names of the columns, in this order; None takes those of the row that has most.
        mode: permissions of the file, less the user's mask.
    Raises:
        OSError: it cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.csv_table import write_csv
        >>> write_csv(Path("scores.csv"), [{"image": "a", "dice": 0.8}, {"image": "b"}])
        >>> print(Path("scores.csv").read_text(), end="")
        image,dice
        a,0.8
        b,
    """
    rows = list(rows)
    columns = max(map(list, rows), key=len, default=[]) if columns is None else columns
    with atomic_path(path, mode=mode) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _as_no_formula(value) for name, value in row.items()} for row in rows)


def _as_no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _as_it_was(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
