"""What is done already: a small record beside the results of each file, by which a run goes on after any end."""

import json
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.counts import format_count
from mammoseg.data.records import FOLDER, RECORD_ERRORS, read_results_record
from mammoseg.files import as_printable, hash_file, hash_json, write_json
from mammoseg.folders import is_file, is_plain_file
from mammoseg.paths import PLAIN_NAME, make_unique_names
from mammoseg.prediction.options import Run
from mammoseg.prediction.table import Row, Status


@dataclass(frozen=True)
class Records:
    """Records of the finished files of one output folder under one set of settings.

    A record is written after the last result of its file, so whatever ends a run, a file is either done or tried again.
    It counts as long as the source and every result are, byte for byte, those it was written for.
    """

    output: Path
    settings: str

    @classmethod
    def from_run(cls, run: Run) -> "Records":
        """Records of a run; another model, threshold, precision, option or version has others, an engine not."""
        settings = {
            "algorithm": asdict(replace(run.algorithm, engine=None)),
            "options": asdict(run.options),
            "mammoseg": __version__,
        }
        return cls(run.output, hash_json(json.loads(json.dumps(settings, default=str))))

    def choose_names(self, files: Sequence[Path]) -> list[str]:
        """Name of the results of each file: the one that they have by an earlier call, else one of no other file.

        A file that was moved keeps its name: where nothing lies any more, and here the same bytes.
        """
        records = dict(self._list_records())
        names = {str(record.get("path")): name for name, record in records.items()}
        own = [names.pop(_locate(path), None) for path in files]
        taken = {name.lower() for name in own if name}
        others = {name.lower(): record for name, record in records.items()}

        def is_free(path: Path, name: str) -> bool:
            key = name.lower()
            return key not in taken and (key not in others or _is_moved(others[key], path))

        nameless = [path for path, name in zip(files, own, strict=True) if not name]
        new = iter(make_unique_names(nameless, is_free=is_free))
        return [name or next(new) for name in own]

    def find(self, path: Path, name: str) -> Row | None:
        """The row of a file that is done and unchanged, else None."""
        try:
            record = self._read(name)
            if record["settings"] != self.settings or record["source"] != hash_file(path):
                return None
            if any(not self._is_standing(file, digest) for file, digest in record["results"].items()):
                return None
            row = require_row({**record["row"], "file": as_printable(path)}, record["results"])
            if record.get("path") != (here := _locate(path)):  # it was moved
                write_json(self._locate_record(name), {**record, "path": here})
            return row
        except RECORD_ERRORS:  # absent, damaged, or of another version: do it again
            return None

    def list_standing(self, *, without: Container[str]) -> Iterator[tuple[str, Row]]:
        """Name and row of what earlier runs with these settings have done, as far as its results are there.

        They are not read, nor is the source, which other calls may have named.

        Args:
            without: names to leave out.
        """
        for name, record in self._list_records(without=without):
            with suppress(*RECORD_ERRORS):
                if record["settings"] == self.settings and all(
                    is_plain_file(self.output / file) for file in record["results"]
                ):
                    yield name, require_row(record["row"], record["results"])

    def find_precision_before(self, name: str) -> str | None:
        """What the results of a name that an earlier run left were computed with; None where nothing says."""
        try:
            return require_row((record := self._read(name))["row"], record["results"]).precision
        except RECORD_ERRORS:
            return None

    def read_digests(self, name: str) -> dict[str, str]:
        """SHA-256 of each file that an earlier run wrote under a name, as it wrote it; none where nothing says."""
        try:
            return dict(self._read(name)["results"])
        except RECORD_ERRORS:
            return {}

    def add(self, path: Path, source_sha256: str, name: str, row: Row) -> None:
        """Note that a file is done, and remove what a run with other settings wrote for it and this one did not.

        Args:
            source_sha256: SHA-256 of the bytes at `path` that were segmented.

        Raises:
            OSError: the record cannot be written.
        """
        files = [*row.results, row.overlay] if row.overlay else row.results
        results = {file: hash_file(self.output / file) for file in files}
        self._remove_earlier(name, keep=results)
        record = {
            "settings": self.settings,
            "path": _locate(path),
            "source": source_sha256,
            "results": results,
            "row": {field.name: getattr(row, field.name) for field in fields(row)},
        }
        write_json(self._locate_record(name), record)

    def remove_outdated(self, path: Path, name: str) -> None:
        """Remove what other settings, or other bytes, gave for a file that this run refused, and its record.

        A file that cannot be read now may have its bytes still.

        Raises:
            OSError: it cannot be removed.
        """
        try:
            record = self._read(name)
            is_outdated = record["settings"] != self.settings or record["source"] != hash_file(path)
        except RECORD_ERRORS:
            return
        if is_outdated:
            self._remove_earlier(name, keep=())
            self._locate_record(name).unlink()

    def _remove_earlier(self, name: str, *, keep: Container[str]) -> None:
        """A file that somebody changed since is not ours any more and stays."""
        for file, digest in self.read_digests(name).items():
            if file not in keep and self._is_standing(file, digest):
                (self.output / file).unlink()

    def _is_standing(self, file: str, digest: object) -> bool:
        path = self.output / file
        return is_plain_file(path) and hash_file(path) == digest

    def _list_records(self, *, without: Container[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and content of each record that can be read, by name."""
        for name in sorted(path.stem for path in (self.output / FOLDER).glob("*.json")):
            if name not in without and PLAIN_NAME.fullmatch(name):
                with suppress(*RECORD_ERRORS):
                    yield name, self._read(name)

    def _read(self, name: str) -> dict[str, Any]:
        """See `read_results_record`."""
        return read_results_record(self._locate_record(name))

    def _locate_record(self, name: str) -> Path:
        return self.output / FOLDER / f"{name}.json"


def _locate(path: Path) -> str:
    """Where a file lies, whatever the call names it by, as a record can hold it."""
    return as_printable(os.path.realpath(path))


def _is_moved(record: Mapping[str, Any], path: Path) -> bool:
    """Whether a record is of the bytes at `path`, and of nothing that lies where they lay."""
    try:
        return not is_file(Path(record.get("path", ""))) and record["source"] == hash_file(path)
    except RECORD_ERRORS:
        return False


def say_kept(kept: str, engines: Mapping[str | None, int], now: str | None) -> str:
    """What is done already, and how many files another engine than that of this run has done.

    Args:
        kept: number of files that are done, with the word for them.
        engines: number of those that were segmented, by engine; None where nothing says.
        now: engine of this run.
    """
    others = ((engine or "an unknown engine", number) for engine, number in engines.items() if engine != now)
    return f"{kept} done already{''.join(f', {number} by {engine}' for engine, number in others)}, left as they are."


def say_again(before: Mapping[str, int], now: str | None) -> str:
    """What is done again since its numbers were others, one line a precision; empty where there is none.

    Args:
        before: number of files that are not done, by the precision of an earlier run.
        now: precision of this run.
    """
    return "\n".join(
        f"{format_count(number, 'file')} done with {precision} before, now again with {now}; --precision names one."
        for precision, number in before.items()
        if now not in (None, precision)
    )


def require_row(values: dict[str, Any], results: Container[str]) -> Row:
    """The row of a record, or of a ledger.

    Args:
        results: names of the files that it may name.

    Raises:
        ValueError, KeyError, TypeError: it is no row, or names other files than the record.
    """
    row = Row(**{**values, "status": Status(values["status"])})
    for field in fields(row):
        value: Any = getattr(row, field.name)
        kind: Any = field.type
        if not isinstance(value, kind | int if isinstance(1.0, kind) else kind):  # JSON writes 2.0 and may read 2
            raise TypeError(f"{field.name} is of another type")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"{field.name} holds what a terminal would obey")
    if any(file not in results for file in (*row.results, row.overlay) if file):
        raise ValueError("the row names files that the record does not")
    return row
