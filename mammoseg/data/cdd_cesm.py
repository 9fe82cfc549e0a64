"""CDD-CESM (Khaled et al. 2022, doi:10.1038/s41597-022-01238-0), low-energy images; docs/datasets/cdd_cesm.md."""

import re
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import COPIES, IngestJob
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.mask_files import check_area, check_count, write_masses
from mammoseg.data.via_regions import fill_region
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.folders import leads_out, list_files_below

LICENSE = "as TCIA states it; TCIA collection CDD-CESM, cite doi:10.7937/29kw-ae92 and doi:10.1038/s41597-022-01238-0"

REGIONS = "Radiology_hand_drawn_segmentations_v2.csv"
FACTS = "Radiology-manual-annotations.csv"
PATHOLOGY = "Pathology Classification/ Follow up"

NAME = re.compile(r"P(\d+)_([LR])_DM_(\w+)")
"""Stem of a low-energy image: patient, side, view; subtracted images say CM."""

PATHOLOGIES = {"benign": "BENIGN", "malignant": "MALIGNANT", "normal": "NORMAL"}


def collect(job: IngestJob) -> list[Record]:
    """Records of the low-energy images with regions, and of those that the table calls normal.

    Raises:
        WrongCallError: an input is no folder, or one of the two tables is not below it.
    """
    files = [
        path for folder in job.require_folders() for path in list_files_below(folder) if not leads_out(path, folder)
    ]
    regions: dict[str, list[str]] = {}
    for row in read_csv(_find_table(files, REGIONS), needed=("#filename", "region_shape_attributes"))[1]:
        regions.setdefault(Path(row["#filename"].strip()).stem, []).append(row["region_shape_attributes"])
    facts = read_csv(_find_table(files, FACTS), needed=("Image_name", PATHOLOGY))[1]
    pathologies = {row["Image_name"].strip(): PATHOLOGIES.get(row[PATHOLOGY].strip().lower()) for row in facts}
    images: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() == ".jpg" and NAME.fullmatch(path.stem):
            if images.setdefault(path.stem, path) != path:
                job.report.note(COPIES, path.name)
        elif path.suffix.lower() == ".jpg":
            job.report.skip("pictures that are no low-energy images", path.name)
    records = []
    for name, path in tqdm(images.items(), desc="cdd_cesm", unit="image", disable=None):
        try:
            records.append(_build_record(job, name, path, regions.get(name, []), pathologies.get(name)))
        except InputRefusedError as error:
            job.report.refuse(error, path.name)
    return records


def _build_record(job: IngestJob, name: str, path: Path, cells: Sequence[str], pathology: str | None) -> Record:
    rows, columns = read_mammogram(path).pixels.shape
    check_count(len(cells))
    masses = [mask for cell in cells if (mask := fill_region(cell, (rows, columns))) is not None and mask.any()]
    for mask in masses:
        check_area(mask)
    if not masses and pathology != "NORMAL":
        raise InputRefusedError("E_MASK_MISSING", "no region is drawn in it, and the table does not call it normal.")
    patient, side, view = NAME.fullmatch(name).groups()  # type: ignore[union-attr]  # it was found by this pattern
    return {
        "image_id": name,
        "image": path,
        **write_masses(job.made / "masks", name, masses, shape=(rows, columns)),
        "patient_id": f"P{patient}",
        "laterality": side,
        "view": view,
        **({"pathology": pathology} if pathology else {}),
    }


def _find_table(files: Sequence[Path], name: str) -> Path:
    found = next((path for path in files if path.name == name), None)
    if found is None:
        raise WrongCallError(f"no '{name}' below the input; put it there, the xlsx saved as 'CSV UTF-8'.")
    return found
