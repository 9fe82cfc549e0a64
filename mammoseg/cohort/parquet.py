"""The table of a cohort: one Parquet file, one row a mammogram."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetWriter

from mammoseg.files import atomic_path
from mammoseg.prediction.table import Row

ROWS_A_GROUP = 10_000
"""Written at a time, so that a table of any length takes no memory."""

TYPES = {"str": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64(), "Status": pyarrow.string()}
"""Arrow's type of each kind of value of a row."""


def build_schema() -> pyarrow.Schema:
    """Columns of the table: those of `mammoseg.prediction.table.Row`, and these.

    ``key`` is the real path, or the SOP Instance UID in an archive; ``folder`` is where the results lie below the
    output; ``copy_of`` is the key of the first file with the same bytes; ``stored`` says whether an archive has the
    results.
    """
    own = [("key", pyarrow.string()), ("folder", pyarrow.string()), ("copy_of", pyarrow.string())]
    return pyarrow.schema(
        [*own, ("stored", pyarrow.bool_()), *((field.name, _get_type(field.type)) for field in fields(Row))]
    )


def write_parquet(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write rows with the columns of `build_schema`, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    columns = build_schema()
    rows = iter(rows)
    with atomic_path(path) as temporary, ParquetWriter(temporary, columns) as writer:
        while group := list(islice(rows, ROWS_A_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=columns))


def build_table_row(key: str, folder: str, row: Row, *, copy_of: str | None, stored: bool) -> dict[str, Any]:
    """One row of the table."""
    own = {"key": key, "folder": folder, "copy_of": copy_of, "stored": stored}
    return own | asdict(row) | {"status": row.status.value}


def with_copies(rows: Iterable[tuple[str, str, Row]]) -> Iterator[tuple[str, str, Row, str | None]]:
    """Key, name and row of each mammogram, with the key of the first file of the same bytes."""
    first: dict[str, str] = {}
    for key, name, row in rows:
        digest = row.source_sha256
        original = first.setdefault(digest, key) if digest else key
        yield key, name, row, None if original == key else original


def _get_type(kind: Any) -> pyarrow.DataType:
    return TYPES[getattr(kind, "__name__", str(kind)).partition(" ")[0]]
