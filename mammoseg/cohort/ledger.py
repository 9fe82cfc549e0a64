"""What became of every mammogram of a cohort: one line each, appended by the one process that drives the run.

Ray's own checkpoints were looked at and not taken: they keep the keys of rows that a sink of Ray has written, so they
know neither refusals nor other settings nor changed files, and a run without Ray could not read them.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any

from mammoseg.cohort.items import CohortItem
from mammoseg.data.records import RECORD_ERRORS
from mammoseg.errors import OutputError
from mammoseg.files import output_errors
from mammoseg.folders import is_link
from mammoseg.prediction.records import require_row
from mammoseg.prediction.table import Row

OF_THE_MACHINE = ("E_WORKER", "E_FAULT", "E_ARCHIVE", "E_NOT_A_FILE", "E_TIMEOUT", "E_RESOURCES", "E_DECODER")
"""Refusals for which process, storage or archive may be to blame."""

OF_THE_CALL = ("E_MODALITY", "E_DUPLICATE_UID", "E_OUTPUT", "E_NETWORK", "E_NOT_FINITE")
"""Refusals for which other files are to blame, or what a call names beside its settings: modalities, an engine."""

TRIED_AGAIN = (*OF_THE_MACHINE, *OF_THE_CALL)
"""Refusals for which not the file alone is to blame; the next run tries again."""

NAME = re.compile(r"[0-9a-f]{2}/([A-Za-z0-9_-][A-Za-z0-9._-]*)")
"""What `mammoseg.cohort.items.name_results` makes."""

SECONDS_AT_RISK = 2.0
"""Of a power cut: lines are with the system at once, and on the disk after so long."""

Digest = bytes


class Ledger:
    """The lines of one output folder; of several lines of a mammogram the last counts.

    In memory is where the last line of each mammogram begins, by 16 bytes for its key, whatever the line holds.

    Args:
        file: file of the lines, made when it is not there. A last line that a killed run left half written is cut off.
        settings: digest of model and options; lines of others do not count as done, see `Records.settings`.
        archive: root of the archive that results are stored in; they count as stored where it has them, or any where
            it is None.
    """

    def __init__(self, file: Path, settings: str, *, archive: str | None = None) -> None:
        self.file = file
        self.settings = settings
        self.archive = archive
        self._last: dict[Digest, int] = {}
        self._stored: set[int] = set()
        self._handle: FileIO | None = None
        self._reader: BufferedReader | None = None
        self._flushed = time.monotonic()

    @contextmanager
    def open(self) -> Iterator["Ledger"]:
        """Read what was done, and let lines be added while the block runs.

        Raises:
            OutputError: the file cannot be read or written, or is a link.
        """
        if is_link(self.file):
            raise OutputError(f"'{self.file}' is a link, so lines would be written elsewhere; remove it and run again.")
        with (
            output_errors(self.file),
            self.file.open("ab+", buffering=0) as self._handle,
            self.file.open("rb") as self._reader,
        ):
            self._cut_half_a_line()
            for offset, line in self.read_lines():
                self._take(offset, line)
            try:
                yield self
            finally:
                self._flush()

    def find_row(self, item: CohortItem) -> Row | None:
        """Row of an item that has its results, or was refused for good, under these settings and as it is now."""
        line = self._read_last(item)
        row = parse_row(line) if (line.get("settings"), line.get("state")) == (self.settings, item.state) else None
        return None if row is None or row.code in TRIED_AGAIN else row

    def find_precision_before(self, item: CohortItem) -> str | None:
        """What the results of an item under other settings were computed with; None where nothing says."""
        line = self._read_last(item)
        row = parse_row(line) if line.get("settings") != self.settings else None
        return row.precision if row else None

    def is_stored(self, key: str) -> bool:
        """Whether the archive has the results of an item as its last line names them."""
        return self._last.get(_hash(key)) in self._stored

    def add(self, item: CohortItem, row: Row) -> None:
        """Note what became of an item.

        Raises:
            OutputError: the line cannot be written; the next run does the item again.
        """
        self._write({"key": item.key, "name": item.name, "state": item.state, "settings": self.settings} | asdict(row))

    def add_stored(self, key: str) -> None:
        """Note that the archive has all results of an item."""
        self._write({"stored": key, "archive": self.archive})

    def read_lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every line with its first byte, counted from 0; one that somebody damaged is empty."""
        offset = 0
        with self.file.open("rb") as file:
            for line in file:
                yield offset, _parse_line(line)
                offset += len(line)

    def read_rows(self) -> Iterator[tuple[str, str, Row]]:
        """Key, name and row of each item whose last line is one under these settings."""
        for offset, line in self.read_lines():
            key = str(line.get("key"))
            is_of_these = line.get("settings") == self.settings
            if is_of_these and self._last.get(_hash(key)) == offset and (row := parse_row(line)):
                yield key, str(line["name"]), row

    def _read_last(self, item: CohortItem) -> dict[str, Any]:
        assert self._reader is not None, "the ledger is open"
        offset = self._last.get(_hash(item.key))
        if offset is None:
            return {}
        self._reader.seek(offset)
        return _parse_line(self._reader.readline())

    def _take(self, offset: int, line: dict[str, Any]) -> None:
        if "stored" not in line:
            self._last[_hash(str(line.get("key")))] = offset
        elif self.archive in (None, line.get("archive")):  # lines of an earlier version name none
            self._stored.add(self._last.get(_hash(str(line["stored"])), -1))

    def _write(self, content: dict[str, Any]) -> None:
        assert self._handle is not None, "the ledger is open"
        with output_errors(self.file):
            offset = os.fstat(self._handle.fileno()).st_size
            line = json.dumps(content).encode() + b"\n"
            while line:
                line = line[self._handle.write(line) :]
            if time.monotonic() - self._flushed > SECONDS_AT_RISK:
                self._flush()
        self._take(offset, content)

    def _flush(self) -> None:
        assert self._handle is not None, "the ledger is open"
        os.fsync(self._handle.fileno())
        self._flushed = time.monotonic()

    def _cut_half_a_line(self) -> None:
        assert self._handle is not None, "the ledger is open"
        content_end = self._handle.seek(0, os.SEEK_END)
        at = content_end
        while at:
            begin = max(0, at - 65536)
            self._handle.seek(begin)
            if (newline := self._handle.read(at - begin).rfind(b"\n")) >= 0:
                at = begin + newline + 1
                break
            at = begin
        if at < content_end:
            self._handle.truncate(at)


def _parse_line(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except RECORD_ERRORS:
        return {}


def parse_row(line: dict[str, Any]) -> Row | None:
    """The row of a line, None where it is none of ours, or names what may lie elsewhere than its results."""
    try:
        stem = NAME.fullmatch(line["name"])[1]  # type: ignore[index]  # None is a TypeError, as of any wrong kind
        values = {name: line[name] for name in Row.__dataclass_fields__ if name in line}
        files = [value for value in values.values() if isinstance(value, str) and value.startswith(f"{stem}.")]
        own = [file for file in files if Path(file).name == file]
        return require_row(values, own)
    except RECORD_ERRORS:
        return None


def _hash(text: str) -> Digest:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
