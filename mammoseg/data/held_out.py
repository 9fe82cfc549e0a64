"""A hold-out by name: a list of patients who are the test section, whatever the source calls official."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mammoseg.counts import format_count
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestReport
from mammoseg.errors import WrongCallError, say_reason
from mammoseg.files import as_printable
from mammoseg.folders import is_file

MOST_BYTES = 2**24
"""Of a list; a million codes of 16 letters."""


def read_patients(path: Path) -> list[str]:
    """Codes of patients out of a text file, one a line; empty lines, and what follows a ``#``, are passed over.

    Raises:
        WrongCallError: it cannot be read, is no text, or names nobody.
    """
    if path.exists() and not is_file(path):  # a device would be read for ever
        raise WrongCallError(f"{as_printable(path)} is no regular file; name a file of codes.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WrongCallError(
                f"{as_printable(path)} is no list of patients, it has more than {MOST_BYTES >> 20} MiB."
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongCallError(
            f"{as_printable(path)} cannot be read ({say_reason(error)}); name a file of codes."
        ) from error
    except UnicodeDecodeError as error:
        raise WrongCallError(f"{as_printable(path)} is no text in UTF-8; write one code a line.") from error
    codes = dict.fromkeys(line.partition("#")[0].strip() for line in text.splitlines())
    if not (named := [code for code in codes if code]):
        raise WrongCallError(f"{as_printable(path)} names no patient; write one code a line.")
    return named


def hold_out(
    records: Sequence[Record], codes: Sequence[str], *, conceal: Callable[[str], str], report: IngestReport
) -> list[Record]:
    """Records whose official test section are these patients; what was official before counts no more.

    Images of other patients whom the source has for its test are left out and counted: they are held out as well, and
    must not be trained on unseen.

    Args:
        records: images with ``patient_id`` and maybe ``official``; they are not changed.
        codes: patients by their codes in the source.
        conceal: makes of a code what the records have.
        report: counts what is left out.
    Raises:
        WrongCallError: a patient has no image.
    """
    known = {record["patient_id"] for record in records}
    wanted = {conceal(code): code for code in codes}
    if absent := [code for patient, code in wanted.items() if patient not in known]:
        raise WrongCallError(
            f"{format_count(len(absent), 'patient')} of the {len(wanted)} to be tested on have no image that can be "
            f"used, such as '{as_printable(absent[0])}'; take them from the list, or add their images."
        )
    kept = []
    for record in records:
        if record["patient_id"] in wanted:
            kept.append(record | {"official": {"test"}})
        elif "test" in record.get("official", ()):
            report.skip("official test image of a patient who is not in the list", record["image_id"])
        else:
            kept.append({key: value for key, value in record.items() if key != "official"})
    return kept
