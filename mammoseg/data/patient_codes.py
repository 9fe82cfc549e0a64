"""Patients' codes in the names of files: a pattern of the caller, and what it found."""

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from mammoseg.errors import WrongCallError

EXAMPLES = 3
"""Files that a message names."""


class PatientPattern:
    """A regular expression whose one group is the patient's code in the path of an image.

    Args:
        pattern: searched in the path relative to the folder, with characters composed (NFC).

    Raises:
        WrongCallError: it is none, or has not one group.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = compile_pattern("--patient-regex", pattern, "the patient code")
        self._found: dict[Path, str] = {}
        self._without: list[Path] = []

    def find_code(self, relative: Path) -> str | None:
        """The code in a path, None where there is none."""
        found = self._pattern.search(unicodedata.normalize("NFC", relative.as_posix()))
        code = found.group(1) if found else None
        if code:
            self._found[relative] = code
        else:
            self._without.append(relative)
        return code or None

    def check_enough(self, patients: Collection[str], *, needed: int) -> None:
        """Refuse fewer patients than there are sections to fill, and show where the pattern found them.

        Raises:
            WrongCallError: there are too few.
        """
        if len(patients) < needed:
            raise WrongCallError(
                f"patients found: {len(patients)}, needed: {needed}, one for each section; {self.summarise()}; "
                "give a pattern that tells patients apart, or add patients."
            )

    def summarise(self) -> str:
        """What was found where and how many paths did not match, as part of a sentence for who chose the pattern."""
        found = [f"'{code}' in '{path}'" for path, code in list(self._found.items())[:EXAMPLES]]
        total = len(self._found) + len(self._without)
        clauses = [f"--patient-regex '{self._pattern.pattern}' found {', '.join(found) or 'nothing'}"]
        if self._without:
            clauses.append(f"{len(self._without)} of {total} images do not match, such as '{self._without[0]}'")
        return "; ".join(clauses)


def compile_pattern(option: str, pattern: str, what: str) -> re.Pattern[str]:
    """Compile a pattern that a caller gives for `what`.

    Raises:
        WrongCallError: it is no regular expression, or has not one group.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise WrongCallError(f"{option} '{pattern}' is no regular expression: {error}.") from error
    if compiled.groups != 1:
        raise WrongCallError(f"{option} '{pattern}' has {compiled.groups} groups; put ( ) around {what} alone.")
    return compiled
