"""VinDr-Mammo (Nguyen et al. 2023, doi:10.1038/s41597-023-02100-7): findings in boxes; docs/datasets/vindr.md."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import NO_MASSES, IngestJob
from mammoseg.data.mammogram import describe_mammogram, read_mammogram
from mammoseg.data.mask_files import check_count, write_masses
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable
from mammoseg.folders import is_file, leads_out, lies_in, list_files_below

LICENSE = "restricted, under the license and data use agreement on PhysioNet; VinDr-Mammo, cite doi:10.13026/br2v-7517"

TABLE = "finding_annotations.csv"
COLUMNS = (
    *("study_id", "image_id", "laterality", "view_position", "height", "width", "breast_birads", "breast_density"),
    *("finding_categories", "xmin", "ymin", "xmax", "ymax", "split"),
)
CORNERS = ("xmin", "ymin", "xmax", "ymax")

MASS = "Mass"
DENSITIES = {"DENSITY A": 1, "DENSITY B": 2, "DENSITY C": 3, "DENSITY D": 4}

VindrRow = dict[str, str]


def collect(job: IngestJob) -> list[Record]:
    """Records of all images that the table names; a label is the boxes around masses, filled.

    Raises:
        WrongCallError: an input is no folder, or there is no table below it.
    """
    records = []
    for folder in job.require_folders():
        table = next(
            (path for path in list_files_below(folder) if path.name == TABLE and not leads_out(path, folder)), None
        )
        if table is None:
            raise WrongCallError(f"no '{TABLE}' below '{folder}'; name the folder that holds it and 'images'.")
        rows_of: dict[tuple[str, str], list[VindrRow]] = {}
        for row in read_csv(table, needed=COLUMNS)[1]:
            rows_of.setdefault((row["study_id"], row["image_id"]), []).append(row)
        for (study, name), rows in tqdm(rows_of.items(), desc="vindr", unit="image", disable=None):
            try:
                records.append(_build_record(job, table.parent / "images", study, name, rows))
            except InputRefusedError as error:
                job.report.refuse(error, f"images/{study}/{name}.dicom")
    return records


def _build_record(job: IngestJob, images: Path, study: str, name: str, rows: Sequence[VindrRow]) -> Record:
    path = images / study / f"{name}.dicom"
    if not (study.isalnum() and name.isalnum()):
        raise InputRefusedError("E_IMAGE_MISSING", "the table names no image of VinDr-Mammo here.")
    if not (is_file(path) and lies_in(path, images)):
        raise InputRefusedError("E_IMAGE_MISSING", "the table names it, but it is not there; fetch it again.")
    mammogram = read_mammogram(path)
    shape = (mammogram.pixels.shape[0], mammogram.pixels.shape[1])
    if any((row["height"], row["width"]) != (str(shape[0]), str(shape[1])) for row in rows):
        raise InputRefusedError("E_SHAPE", f"the image is {shape[0]} x {shape[1]}, not what the table says.")
    masses = []
    for row in rows:
        categories = _read_categories(row["finding_categories"])
        if MASS in categories:
            masses.append(_read_box(row, shape))
            check_count(len(masses))
        for other in sorted(categories - {MASS, "No Finding"}):
            job.report.note(f"{NO_MASSES}: {as_printable(other)}", name)
    first = rows[0]
    facts = {
        "birads": _read_birads(first["breast_birads"]),
        "density": DENSITIES.get(first["breast_density"].strip().upper()),
    }
    return {
        "image_id": name,
        "image": path,
        **write_masses(job.made / "masks", name, masses, shape=shape),
        **describe_mammogram(mammogram),
        "patient_id": study,
        "laterality": first["laterality"] if first["laterality"] in ("L", "R") else None,
        "view": first["view_position"] or None,
        "official": {first["split"]} if first["split"] in ("training", "test") else set(),
        **{key: value for key, value in facts.items() if value is not None},
    }


def _read_categories(cell: str) -> set[str]:
    """The words of a list that the table writes as Python does."""
    try:
        words = json.loads(cell.replace("'", '"'))
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputRefusedError("E_TABLE", "its finding_categories are no list of words.")
    return set(words)


def _read_box(row: VindrRow, shape: tuple[int, int]) -> np.ndarray:
    """Mask 0 / 1 of the pixels whose centres lie in the box; x and y are distances from the upper left corner."""
    try:
        xmin, ymin, xmax, ymax = corners = [float(row[name]) for name in CORNERS]
    except ValueError:
        corners = []
    if not corners or not all(map(math.isfinite, corners)):
        raise InputRefusedError("E_NO_PLACE", "the table has a mass without its box, so the image has no truth.")
    mask = np.zeros(shape, np.uint8)
    top, left = (max(0, math.ceil(start - 0.5)) for start in (ymin, xmin))
    bottom, right = (max(0, math.ceil(end - 0.5)) for end in (ymax, xmax))
    mask[top:bottom, left:right] = 1
    if not mask.any():
        raise InputRefusedError("E_NO_PLACE", "the box of a mass encloses no pixel of its image.")
    return mask


def _read_birads(cell: str) -> int | None:
    number = cell.strip().removeprefix("BI-RADS").strip()
    return int(number) if number in [*"0123456"] else None
