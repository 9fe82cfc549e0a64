"""What `ingest` hands to every source, and the account that the source keeps of what it could not use."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mammoseg.data.datalist import SECTIONS
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable

COPIES = "further copies of a mammogram"

NO_MASSES = "findings that are no masses"

NOT_DICOM = "files that are not DICOM"

WITHOUT_CODE = "images without a patient code"

MADE = ".made"
"""Folder in the output folder that has what a run made, until its datalist is written."""


@dataclass
class IngestReport:
    """Every input that was left out or changed, by reason."""

    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    noted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def skip(self, reason: str, what: str | Path) -> None:
        """Count an input that is not used."""
        self.skipped[reason].append(as_printable(Path(what)))

    def refuse(self, error: InputRefusedError, what: str | Path) -> None:
        """Count an input that is not used because it was refused."""
        self.skipped[error.code].append(f"{as_printable(Path(what))}: {error.reason}")

    def note(self, what_happened: str, what: str | Path) -> None:
        """Count an input that is used, but not as it came."""
        self.noted[what_happened].append(as_printable(Path(what)))

    def summarise(self) -> str:
        """The counts in one line, without any name of a file."""
        total = sum(map(len, self.skipped.values()))
        parts = [f"{total} skipped" + (f" ({_format_counts(self.skipped)})" if total else "")]
        return "; ".join(parts + ([_format_counts(self.noted)] if self.noted else []))


@dataclass(frozen=True)
class IngestJob:
    """One call of `ingest`.

    Attributes:
        inputs: existing files or folders named by the caller.
        output: folder of the datalist.
        conceal: turns an identifier into what the datalist may hold: itself, or its keyed hash.
        fewest_patients: how many it takes to fill the sections that are asked for.
        image_ids: path in the input of each image that has one already.
    """

    inputs: tuple[Path, ...]
    output: Path
    seed: int
    conceal: Callable[[str], str] = str
    report: IngestReport = field(default_factory=IngestReport)
    fewest_patients: int = len(SECTIONS)
    image_ids: dict[str, Path] = field(default_factory=dict)

    @property
    def made(self) -> Path:
        """Folder that a source writes below, such as ``masks/``; it goes into `output` with the datalist."""
        return self.output / MADE

    def require_folders(self) -> tuple[Path, ...]:
        """The inputs, which must be folders and at least one.

        Raises:
            WrongCallError: there is none, or one is something else, or holds the output.
        """
        if not self.inputs:
            raise WrongCallError("no input given, this source reads folders; name one: mammoseg ingest SOURCE FOLDER.")
        for path in self.inputs:
            if not path.is_dir():
                raise WrongCallError(f"'{path}' is not a folder; name the folder that holds the images.")
            if self.output.resolve().is_relative_to(path.resolve()):
                raise WrongCallError(f"the output '{self.output}' lies in the input '{path}'; choose one outside.")
        return self.inputs


def _format_counts(named: dict[str, list[str]]) -> str:
    return ", ".join(f"{reason} {len(what)}" for reason, what in sorted(named.items()))
