"""What is done already: a small record beside the results of each file, by which a run goes on after any end."""

import json
from collections.abc import Container
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.files import sha256_of_file, sha256_of_json, write_json
from mammoseg.prediction.options import Options
from mammoseg.report.page import Run
from mammoseg.report.table import Row, Status

FOLDER = ".mammoseg"
"""Folder of the records in the output folder; deleting it makes the next run do everything again."""


@dataclass(frozen=True)
class Records:
    """Records of the finished files of one output folder under one set of settings.

    A record is written after the last result of its file, so whatever ends a run, a file is either done or tried again.
    It counts as long as the source and every result are, byte for byte, those it was written for.
    """

    output: Path
    settings: str

    @classmethod
    def of(cls, output: Path, run: Run, options: Options) -> "Records":
        """Records of a run; another model, threshold, option or version has other ones."""
        settings = {"algorithm": asdict(run.algorithm), "options": asdict(options), "mammoseg": __version__}
        return cls(output, sha256_of_json(json.loads(json.dumps(settings, default=str))))

    def find(self, path: Path, name: str) -> Row | None:
        """The row of a file that is done and unchanged, else None."""
        try:
            record = self._read(name)
            if record["settings"] != self.settings or record["source"] != sha256_of_file(path):
                return None
            if any(sha256_of_file(self.output / file) != digest for file, digest in record["results"].items()):
                return None
            return Row(**{**record["row"], "status": Status(record["row"]["status"])})
        except (OSError, ValueError, KeyError, TypeError):  # absent, damaged, or of another version: do it again
            return None

    def add(self, path: Path, name: str, row: Row) -> None:
        """Note that a file is done, and remove what a run with other settings wrote for it and this one did not.

        Raises:
            OSError: the record cannot be written.
        """
        files = [*row.results, row.overlay] if row.overlay else row.results
        results = {file: sha256_of_file(self.output / file) for file in files}
        self._remove_earlier(name, keep=results)
        record = {
            "settings": self.settings,
            "source": sha256_of_file(path),
            "results": results,
            "row": {field.name: getattr(row, field.name) for field in fields(row)},
        }
        write_json(self._path(name), record)

    def _remove_earlier(self, name: str, *, keep: Container[str]) -> None:
        """A file that somebody changed since is not ours any more and stays."""
        try:
            earlier = {self.output / file: digest for file, digest in self._read(name)["results"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        for path, digest in earlier.items():
            if path.name not in keep and path.is_file() and sha256_of_file(path) == digest:
                path.unlink()

    def _read(self, name: str) -> dict[str, Any]:
        return json.loads(self._path(name).read_text(encoding="utf-8"))

    def _path(self, name: str) -> Path:
        return self.output / FOLDER / f"{name}.json"
