"""One run of `predict` and one of `ingest` over all hostile cases and good files, and what came of each."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammoseg.data.ingest import ingest
from mammoseg.errors import MammosegError
from mammoseg.files import as_printable, hash_file
from tests.hostile.case import ACCEPTED, HostileCase, write_good
from tests.made_predictor import BrightIsMass
from tests.run_predictor import run_predictor

GOOD = ("good-1", "good-2", "good-3")
"""Harmless files in the same batch; `ingest` splits no fewer patients."""


@dataclass
class Outcome:
    """What one command made of all cases.

    Attributes:
        codes: name of a case to ``ACCEPTED`` or the code of its one refusal.
        exit_code: of the command.
        said: standard output and standard error, by line.
        written: path below the output folder to content, of all files written.
    """

    exit_code: int = 0
    codes: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)


@dataclass
class CorpusRun:
    """The inputs, and the outcome of each command; `touched` are inputs whose bytes changed meanwhile."""

    inputs: dict[str, Path]
    predict: Outcome
    ingest: Outcome
    touched: list[Path]


def run_corpus(folder: Path, cases: Sequence[HostileCase]) -> CorpusRun:
    """Make all cases below `folder` and run both commands over them."""
    root = folder / "in"
    inputs = make_inputs(root, cases)
    before = dict(digests(root))
    predicted = run_predict(inputs, folder / "predict")
    ingested = run_ingest(inputs, root, folder)
    touched = [path for path, digest in digests(root) if before.get(path) != digest]
    return CorpusRun(inputs, predicted, ingested, touched)


def make_inputs(root: Path, cases: Sequence[HostileCase]) -> dict[str, Path]:
    """Make each case in a folder of its own name, and good files beside them; name to what a person would name."""
    inputs = {}
    for case in cases:
        (root / case.name).mkdir(parents=True)
        inputs[case.name] = case.make(root / case.name)
    for name in GOOD:
        (root / name).mkdir()
        inputs[name] = write_good(root / name)
    return inputs


def run_predict(inputs: dict[str, Path], output: Path) -> Outcome:
    """`mammoseg predict` on all inputs, in one call."""
    outcome = Outcome()
    with _listen(outcome):
        run_predictor(BrightIsMass(), list(inputs.values()), output)
    outcome.written = dict(_contents(output))
    with (output / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, path in inputs.items():
        shown = as_printable(path)
        mine = [row for row in rows if row["file"] == shown or row["file"].startswith(f"{shown}/")]
        outcome.rows[name] = mine
        outcome.codes[name] = _one_code([row["code"] for row in mine])
    return outcome


def run_ingest(inputs: dict[str, Path], root: Path, folder: Path) -> Outcome:
    """`mammoseg ingest folder` on the folder of all cases; a table says of each image that it has no mass."""
    table = folder / "table.csv"
    files = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = [[name, "no"] for name in files if name.isprintable() or "\n" in name]  # no surrogates
        csv.writer(file).writerows([["image", "has_mass"], *rows])
    outcome = Outcome()
    with _listen(outcome):
        options = {"patient_regex": "^([^/]+)/", "table": str(table)}
        ingest("folder", str(root), output=str(folder / "ingest"), key_file=str(folder / "key"), **options)
    outcome.written = dict(_contents(folder / "ingest"))
    assert "ingest_report.json" in outcome.written, outcome.said
    skipped = json.loads((folder / "ingest" / "ingest_report.json").read_text(encoding="utf-8"))["skipped"]
    for name in inputs:
        codes = [code for code, lines in skipped.items() for line in lines if line.startswith(f"{name}/")]
        used = f"/in/{name}/".encode() in outcome.written.get("datalist.json", b"")
        outcome.codes[name] = _one_code(codes or ([""] if used else []))
    return outcome


def digests(root: Path) -> Iterator[tuple[Path, str]]:
    """Every regular file below `root` and the SHA-256 of its bytes."""
    return ((path, hash_file(path)) for path in sorted(root.rglob("*")) if path.is_file())


def _one_code(codes: Iterable[str]) -> str:
    """The code of the one refusal, ``ACCEPTED`` where there is none, or what is wrong with that account."""
    codes = list(codes)
    refusals = [code for code in codes if code]
    if len(refusals) > 1:
        return " ".join(refusals)
    return refusals[0] if refusals else ACCEPTED if codes else "lost"


class _listen:
    """Keep what is said, and the exit code of the error that ends the command."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.text = io.StringIO()
        self.streams = [redirect_stdout(self.text), redirect_stderr(self.text)]

    def __enter__(self) -> None:
        for stream in self.streams:
            stream.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        for stream in reversed(self.streams):
            stream.__exit__(None, None, None)
        self.outcome.said = self.text.getvalue().splitlines()
        if isinstance(error, MammosegError):
            self.outcome.exit_code = error.exit_code
            self.outcome.said.append(str(error))
            return True
        return False


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
