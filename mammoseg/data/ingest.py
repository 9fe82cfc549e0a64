"""`mammoseg ingest`: any source of mammograms to one datalist."""

import inspect
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from mammoseg.counts import format_count
from mammoseg.csv_table import write_csv
from mammoseg.data.datalist import DATALIST, SECTIONS, Record, write_datalist
from mammoseg.data.held_out import hold_out, read_patients
from mammoseg.data.identifiers import hash_with_key, load_key_when_needed, locate_key_file
from mammoseg.data.ingest_job import MADE, IngestJob, IngestReport
from mammoseg.data.protocols import Protocol, find_protocol
from mammoseg.data.sources import SOURCES, Source
from mammoseg.data.splits import SplitRule, find_shared_patients, split_records
from mammoseg.dicom.own_voi import read_own_voi
from mammoseg.errors import NothingUsableError, StoppedError, WrongCallError, make_unknown_name_error
from mammoseg.files import as_printable, flush_to_disk, remove_leftovers, sole_writer, write_json

NAMES = "names.csv"
"""Which hash is which file, beside a datalist that does not show it."""

LOCK = ".ingest.lock"

SHARED = "patients in several sections"
"""What the report says of a split by image."""


def _run_alone_in_output(run: Callable[..., None]) -> Callable[..., None]:
    """Two runs in one folder would mix their masks. What a run has not put in place is gone at its end.

    What a killed one left is removed by the next.
    """

    @wraps(run)
    def run_alone(*arguments: Any, output: str, **options: Any) -> None:
        folder = Path(output)
        with sole_writer(folder, folder / LOCK):
            remove_leftovers(folder)
            shutil.rmtree(folder / MADE, ignore_errors=True)
            earlier = _stamp(folder / DATALIST)
            try:
                run(*arguments, output=output, **options)
            except KeyboardInterrupt:
                if _stamp(folder / DATALIST) not in (earlier, None):
                    raise StoppedError(f"stopped; {folder / DATALIST} was written.") from None
                raise StoppedError(
                    "stopped before the datalist was written; what it had made is removed, and the same command "
                    "begins anew."
                ) from None
            finally:
                shutil.rmtree(folder / MADE, ignore_errors=True)

    return run_alone


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that was put in its place; None where there is none."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else None


@_run_alone_in_output
def ingest(
    source: str,
    *inputs: str,
    output: str,
    seed: int = 0,
    folds: int | None = None,
    shares: Sequence[float] | None = None,
    all_in: str | None = None,
    by: str = "patient",
    protocol: str | None = None,
    test_patients: str | None = None,
    name: str | None = None,
    keep_identifiers: bool = False,
    show_names: bool = False,
    key_file: str | None = None,
    window: str | None = None,
    **options: Any,
) -> None:
    """Write ``datalist.json`` and ``ingest_report.json`` into OUTPUT; the last line printed counts used and skipped.

    Args:
        source: phantom, folder, cbis_ddsm, inbreast, dicom_seg, mias, vindr, csaw_s, cdd_cesm or voc; docs/datasets
            has a page on each.
        inputs: the folders to read; phantom takes none.
        output: folder for the datalist and for masks that had to be made; images stay where they are.
        seed: seed of the split, and of the phantoms.
        folds: number of cross-validation folds over training and validation; None: 5, or one for each patient.
        shares: parts of training, validation and test, any of them 0; default 0.7, 0.15, 0.15. Official test images
            stay test images.
        all_in: the section that gets every image, whatever is official.
        by: ``patient``, or ``image``, which puts images of one patient into several sections: said on stderr, in the
            report and in the datalist.
        protocol: split of a paper, instead of `shares` and `all_in`: sun2020, sarker2022, isosalo2022 or official.
        test_patients: text file with the codes of the patients who are the test section, one a line; see
            `mammoseg.data.held_out.hold_out`.
        name: name of the datalist; default: the source.
        keep_identifiers: write patient codes and file names of the source folder as they are, not as keyed hashes.
        show_names: keep the path in the input beside each hash, so that tables and pages show it; without it they are
            in ``names.csv`` alone, of mode 600. Public collections always show theirs.
        key_file: secret key of those hashes; default: made once in the user's configuration folder.
        window: ``CENTRE,WIDTH`` or a file of points, for DICOM files without a grey-value function or with a wrong one;
            see `mammoseg.dicom.own_voi.read_own_voi`. It stands in the datalist.
        options: those of the source: phantom patients, size; folder patient_regex, masks,
            mask_regex, table, large_masks; cbis_ddsm calcifications.
    Raises:
        WrongCallError: unknown source, option or protocol, missing input, no patient codes, too few patients to split,
            a protocol that does not fit the images.
        MammosegError: another run writes to the same folder.
        StoppedError: Ctrl-C.
        NothingUsableError: not one image could be used; the report says why, and there is none where the input has no
            image.
    """
    how = _require_source(source, options)
    voi = None if window is None else read_own_voi(window)
    if voi and not how.has_dicom:
        raise WrongCallError(f"{source} has no DICOM files, which alone are read through a window; leave --window out.")
    paper = find_protocol(protocol, source, by=by, folds=folds) if protocol is not None else None
    rule = _choose_rule(paper, shares, all_in, by=by, folds=folds)
    held_out = _read_held_out(test_patients, paper, all_in)
    folder = Path(output)
    conceal: Callable[[str], str] = str
    if not (how.has_public_codes or keep_identifiers):
        conceal = _build_concealer(Path(key_file) if key_file else locate_key_file())
    job = IngestJob(
        tuple(Path(str(path)) for path in inputs), folder, seed, conceal, fewest_patients=rule.fewest_patients
    )
    records = how.collect(job, **options)
    if not records and not job.report.skipped:
        raise NothingUsableError(f"{source}: there is no image in the input; name a folder that holds some.")
    names = {record["image_id"]: _name(record["image"], (*job.inputs, job.made)) for record in records}
    are_shown = how.has_public_codes or keep_identifiers or show_names
    if are_shown:
        records = [record | {"name": names[record["image_id"]]} for record in records]
    if held_out:
        records = hold_out(records, held_out, conceal=conceal, report=job.report)
    if records and paper:
        records = paper.choose_images(records, job.report)
        paper.check_fits(records)
    sections = _split(records, rule, job)
    report = _describe_used(source, sections, job.report)
    if not records:
        write_json(folder / "ingest_report.json", report)
        raise NothingUsableError(
            f"{source}: no image could be used, {job.report.summarise()}; {folder / 'ingest_report.json'} names them."
        )
    write_json(job.made / "ingest_report.json", report)
    if not are_shown:
        _write_names(job.made / NAMES, names)
    write_datalist(
        job.made / DATALIST,
        name=name or source,
        source=source,
        seed=seed,
        license=how.license,
        truth=how.truth,
        voi=voi,
        sections={key: [_make_paths_relative(record, job) for record in section] for key, section in sections.items()},
        split=_describe_split(rule, protocol, len(held_out)) if held_out or rule != SplitRule(folds=folds) else None,
    )
    _put_in_place(job.made, folder)
    if paper:
        print(f"Protocol {paper.name}: {paper.note}.")
    _print_used(source, records, sections, job)


def _split(records: Sequence[Record], rule: SplitRule, job: IngestJob) -> Mapping[str, Sequence[Record]]:
    """The records by section; patients that official sections or a split by image put into several are noted."""
    if not records:
        return dict.fromkeys(SECTIONS, ())
    sections, moved = split_records(records, rule, seed=job.seed)
    for patient in moved:
        job.report.note("patients of several official sections, moved to the last of them", patient)
    for patient in find_shared_patients(sections):
        job.report.note(SHARED, patient)
    return sections


def _print_used(
    source: str, records: Sequence[Record], sections: Mapping[str, Sequence[Record]], job: IngestJob
) -> None:
    if shared := len(job.report.noted.get(SHARED, ())):
        print(
            f"WARNING: split by image, {format_count(shared, 'patient')} in several sections; scores will be too good.",
            file=sys.stderr,
        )
    counts = ", ".join(f"{section} {len(sections[section])}" for section in SECTIONS)
    patients = len({record["patient_id"] for record in records})
    print(
        f"{source}: {format_count(len(records), 'image')} of {format_count(patients, 'patient')} used ({counts}); "
        f"{job.report.summarise()}; {job.output / DATALIST}"
    )


def _build_concealer(key_file: Path) -> Callable[[str], str]:
    key = load_key_when_needed(key_file)
    return lambda identifier: hash_with_key(identifier, key())


def _choose_rule(
    paper: Protocol | None, shares: Sequence[float] | None, all_in: str | None, *, by: str, folds: int | None
) -> SplitRule:
    given = [option for option, value in (("--shares", shares), ("--all", all_in)) if value is not None]
    if paper and given:
        raise WrongCallError(f"protocol {paper.name} says who goes where; leave {given[0]} or --protocol out.")
    if len(given) > 1:
        raise WrongCallError("--all puts every image into one section, so there is nothing to share; leave one out.")
    if paper:
        return paper.rule
    rule = SplitRule(all_in=all_in, by=by, folds=folds)
    return rule if shares is None else replace(rule, shares=tuple(shares))


def _read_held_out(file: str | None, paper: Protocol | None, all_in: str | None) -> list[str]:
    """Codes of the patients who are the test section by a list; none where there is no list."""
    if file is None:
        return []
    if paper or all_in:
        other = "--protocol" if paper else "--all"
        raise WrongCallError(f"--test_patients and {other} both say who is tested on; leave one out.")
    return read_patients(Path(file))


def _describe_split(rule: SplitRule, protocol: str | None, test_patients: int) -> dict[str, Any]:
    divided = {"all": rule.all_in} if rule.all_in else {"shares": list(rule.shares)}
    named = {"protocol": protocol, "test_patients": test_patients}
    return {"by": rule.by, **divided, **{key: value for key, value in named.items() if value}}


def _require_source(name: str, options: Mapping[str, Any]) -> Source:
    if name not in SOURCES:
        raise make_unknown_name_error("source", name, sorted(SOURCES))
    known = [key for key in inspect.signature(SOURCES[name].collect).parameters if key != "job"]
    for option in options:
        if option not in known:
            raise WrongCallError(f"{name} has no option '{option}'; it has: {', '.join(known)}.")
    return SOURCES[name]


def _describe_used(source: str, sections: Mapping[str, Sequence[Record]], report: IngestReport) -> dict[str, Any]:
    used = {section: len(records) for section, records in sections.items()}
    return {"source": source, "used": used, "skipped": report.skipped, "noted": report.noted}


def _name(image: Path, folders: Sequence[Path]) -> str:
    """Path of an image from the folder that holds it, on one line; from the first where a table led out of them all."""
    holding = next((folder for folder in folders if image.is_relative_to(folder)), folders[0])
    return as_printable(Path(os.path.relpath(image, holding)))


def _write_names(path: Path, names: Mapping[str, str]) -> None:
    rows = [{"image_id": image_id, "name": name} for image_id, name in names.items()]
    write_csv(path, rows, columns=("image_id", "name"), mode=0o600)


def _make_paths_relative(record: Record, job: IngestJob) -> Record:
    """The record with paths from the folder of the datalist, as they are when what was made is put in place."""

    def make_relative(path: Path) -> str:
        base = job.made if path.is_relative_to(job.made) else job.output
        return Path(os.path.relpath(path.parent.resolve() / path.name, base.resolve())).as_posix()

    paths: Record = {key: make_relative(record[key]) for key in ("image", "label")}
    if "instances" in record:
        paths["instances"] = [make_relative(path) for path in record["instances"]]
    return record | paths


def _put_in_place(made: Path, folder: Path) -> None:
    """Move all files of a run to the output folder, the datalist last; one that is there goes first.

    So no datalist ever names masks of another run: where this is broken off, there is none.
    """
    for name in (DATALIST, NAMES):
        (folder / name).unlink(missing_ok=True)
    files = [path for path in made.rglob("*") if path.is_file()]
    for file in sorted(files, key=lambda path: path == made / DATALIST):
        target = folder / file.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)
    flush_to_disk(folder)
