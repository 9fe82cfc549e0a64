"""`mammoseg audit-split`: who stands in two sections of a split; docs/audit_split.md."""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mammoseg.counts import format_count
from mammoseg.csv_table import write_csv
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.pixel_hashes import NEAR, count_differing_bits, hash_perceptually, hash_pixels
from mammoseg.data.split_table import COLUMNS, SplitRow, is_table, read_rows
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError, MammosegError, NothingUsableError, WrongCallError
from mammoseg.files import as_printable, check_folder, is_neither_file_nor_folder

PUBLIC_CODE = {"cbis_ddsm": re.compile(r"P_\d{5}")}
"""How a patient's public code is written in each collection that has a list of official test patients."""

BLOCK = 1024
"""Images whose hashes are compared at a time, with all those of another section."""

KINDS = ("same patient", "same breast", "same pixels", "similar pixels", "official test patient in training")


class SharedError(MammosegError):
    """Two sections of a split share what they may not."""


@dataclass(frozen=True)
class SplitFinding:
    """What two sections share, or what one holds that it may not.

    Attributes:
        kind: one of `KINDS`.
        sections: the two sections; one where official test patients are in training.
        groups: number of patients, breasts, or pairs or groups of equal images.
        images: images of each section that are concerned, by their place in the table.
    """

    kind: str
    sections: tuple[str, ...]
    groups: int
    images: Mapping[str, tuple[int, ...]]


def audit_split(
    *inputs: str,
    image: str = COLUMNS["image"],
    patient: str = COLUMNS["patient"],
    split: str = COLUMNS["split"],
    side: str | None = None,
    official: str | None = None,
    no_pixels: bool = False,
    details: str | None = None,
    as_json: bool = False,
) -> None:
    """Print what the sections of a split share. Several files are taken as one split.

    Args:
        inputs: datalists (``.json``) and CSV files; images are looked for beside them.
        image: column of a CSV with the path of the image.
        patient: column with the code of the patient, which is compared as it stands.
        split: column with the section; one that begins with "train" is taken for training.
        side: column with the side of the breast.
        official: collection of a CSV, whose official test patients may not be in training; a datalist says its own.
        no_pixels: compare codes only, and open no image.
        details: CSV to write, of every image that is concerned; it holds names of files.
        as_json: print one JSON object instead of a table.
    Raises:
        SharedError: something was found (exit code 1).
        NothingUsableError: a table cannot be read, or nothing was found but some images could not be read (3).
        WrongCallError: no file is named, a column is not there, a collection has no list (2).
    """
    if not inputs:
        raise WrongCallError("no split is named; name a datalist.json, or a CSV with image, patient and split.")
    if official is not None and official not in _read_official_patients():
        raise WrongCallError(
            f"no list of test patients of '{official}'; there is: {', '.join(_read_official_patients())}."
        )
    if details is not None:
        if Path(details).is_dir() or is_neither_file_nor_folder(Path(details)):
            raise WrongCallError(f"details is '{details}', a folder, pipe or device; name a CSV to write.")
        check_folder(Path(details).parent)
    if (side or {"image": image, "patient": patient, "split": split} != COLUMNS) and not any(map(is_table, inputs)):
        raise WrongCallError(
            "--image, --patient, --split and --side name columns of a CSV, and only datalists are named."
        )
    columns = {"image": image, "patient": patient, "split": split} | ({"side": side} if side is not None else {})
    rows = [row for path in inputs for row in read_rows(Path(str(path)), columns)]
    exact, alike, unread = ({}, {}, []) if no_pixels else _hash(rows)
    findings = [
        *_find_shared("same patient", rows, {index: row.patient for index, row in enumerate(rows)}),
        *_find_shared(
            "same breast", rows, {index: (row.patient, row.breast) for index, row in enumerate(rows) if row.breast}
        ),
        *_find_shared("same pixels", rows, exact),
        *_find_similar(rows, exact, alike),
        *_find_official_in_training(rows, official),
    ]
    if details is not None:
        _write_details(Path(details), rows, findings)
    if as_json:
        print(json.dumps(_as_record(rows, findings, unread, compared=not no_pixels), indent=2))
    else:
        _print(rows, findings, compared=not no_pixels)
    _refuse_unclean(rows, findings, unread)


def _hash(rows: Sequence[SplitRow]) -> tuple[dict[int, str], dict[int, np.ndarray], list[int]]:
    """Exact and perceptual hashes by place in the table, of the image and its mirror image; and what was not read.

    What is remarked on images is said once, with their number.
    """
    exact, alike, unread = {}, {}, []
    remarks = Counter[str]()
    for index, row in enumerate(tqdm(rows, desc="audit-split", unit="image", disable=None)):
        try:
            with no_header_values_in_warnings():
                mammogram = read_mammogram(row.image)
        except (InputRefusedError, OSError):
            unread.append(index)
            continue
        pixels = mammogram.pixels
        remarks.update(mammogram.notes)
        exact[index] = hash_pixels(pixels)
        alike[index] = np.stack([hash_perceptually(pixels), hash_perceptually(pixels[:, ::-1])])
    for remark, count in remarks.items():
        print(f"{count} of {format_count(len(rows), 'image')}: {remark}", file=sys.stderr)
    return exact, alike, unread


def _find_shared(kind: str, rows: Sequence[SplitRow], keys: Mapping[int, Hashable]) -> Iterator[SplitFinding]:
    """One finding for each two sections that hold images of the same key."""
    held: dict[Hashable, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, key in keys.items():
        held[key][rows[index].section].append(index)
    for first, second in combinations(_list_sections(rows), 2):
        both = [sections for sections in held.values() if first in sections and second in sections]
        if both:
            images = {name: tuple(i for sections in both for i in sections[name]) for name in (first, second)}
            yield SplitFinding(kind, (first, second), len(both), images)


def _find_similar(
    rows: Sequence[SplitRow], exact: Mapping[int, str], alike: Mapping[int, np.ndarray]
) -> Iterator[SplitFinding]:
    """Pairs of images in two sections whose pixels differ, but not by more than copies do; mirrored ones, too."""
    places = {section: [i for i in alike if rows[i].section == section] for section in _list_sections(rows)}
    for first, second in combinations(places, 2):
        pairs = [pair for pair in _find_near(places[first], places[second], alike) if exact[pair[0]] != exact[pair[1]]]
        if pairs:
            images = {name: tuple(sorted({pair[k] for pair in pairs})) for k, name in enumerate((first, second))}
            yield SplitFinding("similar pixels", (first, second), len(pairs), images)


def _find_near(
    firsts: Sequence[int], seconds: Sequence[int], alike: Mapping[int, np.ndarray]
) -> Iterator[tuple[int, int]]:
    if not seconds:
        return
    others = np.stack([alike[index][0] for index in seconds])
    for start in range(0, len(firsts), BLOCK):
        block = firsts[start : start + BLOCK]
        bits = np.minimum(
            *(count_differing_bits(np.stack([alike[i][mirrored] for i in block]), others) for mirrored in (0, 1))
        )
        for row, column in np.argwhere(bits <= NEAR):
            yield block[row], seconds[column]


def _find_official_in_training(rows: Sequence[SplitRow], official: str | None) -> Iterator[SplitFinding]:
    """Training images of patients whom the collection itself keeps for its test.

    CBIS-DDSM split masses and calcifications apart. The list of the calcifications counts for a split that holds such
    images, as their names say.
    """
    for section in (name for name in _list_sections(rows) if name.lower().startswith("train")):
        found = {}
        for collection, lists in _read_official_patients().items():
            ours = [i for i, row in enumerate(rows) if (row.source or official) == collection]
            has_calcifications = any("Calc-" in rows[i].name for i in ours)
            codes = {*lists["masses"], *(lists["calcifications"] if has_calcifications else ())}
            for index in (i for i in ours if rows[i].section == section):
                code = PUBLIC_CODE[collection].search(rows[index].patient)
                if code and code[0] in codes:
                    found[index] = (collection, code[0])
        if found:
            yield SplitFinding(KINDS[-1], (section,), len(set(found.values())), {section: tuple(found)})


@cache
def _read_official_patients() -> dict[str, dict[str, list[str]]]:
    file = Path(__file__).with_name("official_test_patients.json")
    collections: dict[str, dict[str, list[str]]] = json.loads(file.read_text(encoding="utf-8"))
    return collections


def _list_sections(rows: Iterable[SplitRow]) -> list[str]:
    """In the order in which they come."""
    return list(dict.fromkeys(row.section for row in rows))


def _count_by_section(rows: Sequence[SplitRow]) -> dict[str, int]:
    return {section: sum(row.section == section for row in rows) for section in _list_sections(rows)}


def _print(rows: Sequence[SplitRow], findings: Sequence[SplitFinding], *, compared: bool) -> None:
    sizes = _count_by_section(rows)
    for finding in findings:
        images = ", ".join(f"{len(found)} of {sizes[name]} {name}" for name, found in finding.images.items())
        print(f"{finding.kind:34} {finding.groups:6}   images: {as_printable(images)}")
    patients = len({row.patient for row in rows})
    parts = ", ".join(f"{section} {size}" for section, size in sizes.items())
    nothing = "" if findings else ": nothing is shared"
    print(f"{format_count(len(rows), 'image')} of {format_count(patients, 'patient')} ({as_printable(parts)}){nothing}")
    if not compared:
        print("Pixels were not compared.")


def _as_record(
    rows: Sequence[SplitRow], findings: Sequence[SplitFinding], unread: Sequence[int], *, compared: bool
) -> dict[str, Any]:
    counted = [
        asdict(finding) | {"images": {name: len(found) for name, found in finding.images.items()}}
        for finding in findings
    ]
    return {
        "images": _count_by_section(rows),
        "findings": counted,
        "pixels_compared": compared,
        "images_not_read": len(unread),
    }


def _write_details(path: Path, rows: Sequence[SplitRow], findings: Sequence[SplitFinding]) -> None:
    lines = [
        {"finding": finding.kind, "between": " / ".join(finding.sections), "section": section}
        | {"image": rows[index].name, "patient": rows[index].patient}
        for finding in findings
        for section, found in finding.images.items()
        for index in found
    ]
    write_csv(path, lines, columns=("finding", "between", "section", "image", "patient"), mode=0o600)


def _refuse_unclean(rows: Sequence[SplitRow], findings: Sequence[SplitFinding], unread: Sequence[int]) -> None:
    not_read = f"{len(unread)} of {format_count(len(rows), 'image')} could not be read"
    if findings:
        kinds = ", ".join(dict.fromkeys(finding.kind for finding in findings))
        raise SharedError(
            f"this split is not clean ({kinds}){f'; {not_read}' if unread else ''}; "
            "divide it again by patient, `mammoseg ingest` does."
        )
    if unread:
        raise NothingUsableError(
            f"no code is in two sections, but {not_read}, so their pixels are not compared; "
            "put the images where the table says, or compare codes only with --no_pixels."
        )
