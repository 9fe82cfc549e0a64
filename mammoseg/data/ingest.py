"""`mammoseg ingest`: any source of mammograms to one datalist."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Any

from mammoseg.counts import count_of
from mammoseg.csv_table import write_csv
from mammoseg.data.datalist import SECTIONS, Record, write_datalist
from mammoseg.data.identifiers import default_key_file, keyed_hash, load_key
from mammoseg.data.ingest_job import IngestJob, IngestReport
from mammoseg.data.sources import SOURCES, Source
from mammoseg.data.splits import split_by_patient
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.files import printable, remove_leftovers, sole_writer, write_json

NAMES = "names.csv"
"""Which hash is which file, beside a datalist that does not show it."""

LOCK = ".ingest.lock"

WRITTEN = ("images", "labels", "masks")
"""Folders in the output folder that sources write to."""


def _alone_in_output(run: Callable[..., None]) -> Callable[..., None]:
    """Two runs in one folder would mix their masks; what a killed one left half written is removed.

    A folder that a wrong call had made is gone again.
    """

    @wraps(run)
    def run_alone(*arguments: Any, output: str, **options: Any) -> None:
        folder = Path(output)
        is_new = not folder.exists()
        try:
            with sole_writer(folder, folder / LOCK):
                for written in (folder, *(folder / name for name in WRITTEN)):
                    remove_leftovers(written)
                run(*arguments, output=output, **options)
        except WrongCallError:
            if is_new:
                with suppress(OSError):  # there is something in it
                    folder.rmdir()
            raise

    return run_alone


@_alone_in_output
def ingest(
    source: str,
    *inputs: str,
    output: str,
    seed: int = 0,
    folds: int | None = None,
    name: str | None = None,
    keep_identifiers: bool = False,
    show_names: bool = False,
    key_file: str | None = None,
    **options: Any,
) -> None:
    """Write ``datalist.json`` and ``ingest_report.json`` into OUTPUT; the last line printed counts used and skipped.

    Args:
        source: phantom, folder, cbis_ddsm or voc; docs/datasets has a page on each.
        inputs: the folders to read; phantom takes none.
        output: folder for the datalist and for masks that had to be made; images stay where they are.
        seed: seed of the split, and of the phantoms.
        folds: number of cross-validation folds over training and validation; None: 5, or one for each patient.
        name: name of the datalist; default: the source.
        keep_identifiers: write patient codes and file names of the source folder as they are, not as keyed hashes.
        show_names: keep the path in the input beside each hash, so that tables and pages show it; without it they are
            in ``names.csv`` alone, of mode 600. Public collections always show theirs.
        key_file: secret key of those hashes; default: made once in the user's configuration folder.
        options: those of the source: phantom patients, size; folder patient_regex, masks,
            mask_regex, table, large_masks; cbis_ddsm calcifications.
    Raises:
        WrongCallError: unknown source or option, missing input, no patient codes, too few patients.
        MammosegError: another run writes to the same folder.
        NothingUsableError: not one image could be used; the report says why.
    """
    how = _source(source, options)
    folder = Path(output)
    conceal: Callable[[str], str] = str
    if not (how.has_public_codes or keep_identifiers):
        conceal = partial(keyed_hash, key=load_key(Path(key_file) if key_file else default_key_file()))
    job = IngestJob(tuple(Path(str(path)) for path in inputs), folder, seed, conceal)
    records = how.collect(job, **options)
    names = {record["image_id"]: _name(record["image"], (*job.inputs, folder)) for record in records}
    are_shown = how.has_public_codes or keep_identifiers or show_names
    if are_shown:
        records = [record | {"name": names[record["image_id"]]} for record in records]
    sections: Mapping[str, Sequence[Record]] = dict.fromkeys(SECTIONS, ())
    if records:
        sections, moved = split_by_patient(records, seed=seed, folds=folds)
        for patient in moved:
            job.report.note("patients of several official sections, moved to the last of them", patient)
    write_json(folder / "ingest_report.json", _account(source, sections, job.report))
    if not records:
        raise NothingUsableError(
            f"{source}: no image could be used, {job.report.summary()}; {folder / 'ingest_report.json'} names them."
        )
    write_datalist(
        folder / "datalist.json",
        name=name or source,
        source=source,
        seed=seed,
        license=how.license,
        sections={key: [_relative(record, folder) for record in section] for key, section in sections.items()},
    )
    (folder / NAMES).unlink(missing_ok=True)
    if not are_shown:
        _write_names(folder / NAMES, names)
    counts = ", ".join(f"{section} {len(sections[section])}" for section in SECTIONS)
    patients = len({record["patient_id"] for record in records})
    print(
        f"{source}: {count_of(len(records), 'image')} of {count_of(patients, 'patient')} used ({counts}); "
        f"{job.report.summary()}; {folder / 'datalist.json'}"
    )


def _source(name: str, options: Mapping[str, Any]) -> Source:
    if name not in SOURCES:
        raise WrongCallError(f"unknown source '{name}'; known: {', '.join(sorted(SOURCES))}.")
    known = [key for key in inspect.signature(SOURCES[name].collect).parameters if key != "job"]
    for option in options:
        if option not in known:
            raise WrongCallError(f"{name} has no option '{option}'; it has: {', '.join(known)}.")
    return SOURCES[name]


def _account(source: str, sections: Mapping[str, Sequence[Record]], report: IngestReport) -> dict[str, Any]:
    used = {section: len(records) for section, records in sections.items()}
    return {"source": source, "used": used, "skipped": report.skipped, "noted": report.noted}


def _name(image: Path, folders: Sequence[Path]) -> str:
    """Path of an image from the folder that holds it, on one line; from the first where a table led out of them all."""
    holding = next((folder for folder in folders if image.is_relative_to(folder)), folders[0])
    return printable(Path(os.path.relpath(image, holding)))


def _write_names(path: Path, names: Mapping[str, str]) -> None:
    rows = [{"image_id": image_id, "name": name} for image_id, name in names.items()]
    write_csv(path, rows, columns=("image_id", "name"), mode=0o600)


def _relative(record: Record, folder: Path) -> Record:
    def relative(path: Path) -> str:
        return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()

    paths: Record = {key: relative(record[key]) for key in ("image", "label")}
    if "instances" in record:
        paths["instances"] = [relative(path) for path in record["instances"]]
    return record | paths
