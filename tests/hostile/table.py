"""Run every hostile input and write docs/hostile_inputs.md, or check that the page is what a run gives.

Usage: python -m tests.hostile.table [--check]
"""

import sys
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import fire

from tests.hostile.case import ACCEPTED, HostileCase
from tests.hostile.corpus import CASES
from tests.hostile.run import CorpusRun, run_corpus

PAGE = Path(__file__).parents[2] / "docs" / "hostile_inputs.md"

HEAD = """# Hostile and bad inputs

Written by `python -m tests.hostile.table` from `tests/hostile`; a test fails when it is not what a run gives. Rows 1 to
21 are files and containers, 22 to 47 the description of pixels, 48 to 66 clinical content. Each input is a small file
made on the spot; all go through one call of `mammoseg predict` and one of `mammoseg ingest folder`.

For every file that is refused the tests hold to: one line with the file and a stable code, no traceback, nothing of the
patient, no output file, the input untouched, the other files of the call done, exit code not 0, counted in the summary.
Where one result is given it is that of both commands, else of `predict` / `ingest`. `docs/predict.md` lists the codes.

| row | input | expected | result | policy |
|---|---|---|---|---|
"""


def write(*, check: bool = False) -> None:
    """Run the cases; write the page, or end with exit code 1 where it is another one."""
    with tempfile.TemporaryDirectory() as folder:
        text = page(CASES, run_corpus(Path(folder), CASES))
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif text != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} is not what a run gives; run python -m tests.hostile.table.")


def page(cases: Sequence[HostileCase], run: CorpusRun) -> str:
    """The whole page; rows of the design without a case are named at its end."""
    lines = [_line(case, run) for case in sorted(cases, key=lambda case: case.row)]
    missing = sorted({*range(1, 67)} - {case.row for case in cases})
    spans = [[row for _, row in group] for _, group in groupby(enumerate(missing), lambda pair: pair[1] - pair[0])]
    shown = ", ".join(f"{span[0]}" if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans)
    return HEAD + "\n".join(lines) + "\n" + (f"\nRows without a case here: {shown}.\n" if missing else "")


def _line(case: HostileCase, run: CorpusRun) -> str:
    expected = {"predict": case.expected, "ingest": case.expected_of_ingest or case.expected}
    result = {"predict": run.predict.codes[case.name], "ingest": run.ingest.codes[case.name]}
    cells = [str(case.row), case.what, _both(expected), _both(result), case.policy]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _both(outcome: dict[str, str]) -> str:
    shown = [code if " " in code or code == ACCEPTED else f"`{code}`" for code in outcome.values()]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)


if __name__ == "__main__":
    fire.Fire(write)
