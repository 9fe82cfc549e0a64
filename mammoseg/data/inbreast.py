"""INbreast (Moreira et al. 2012, doi:10.1016/j.acra.2011.09.014); docs/datasets/inbreast.md."""

import re
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import COPIES, IngestJob
from mammoseg.data.mammogram import describe_mammogram, read_mammogram
from mammoseg.data.mask_files import check_area, check_count, write_masses
from mammoseg.data.osirix_contours import read_contours
from mammoseg.data.outlines import fill_polygon
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable
from mammoseg.folders import leads_out, list_files_below

LICENSE = "under the terms of its authors (INESC Porto); INbreast, cite doi:10.1016/j.acra.2011.09.014"

TABLE = "INbreast.csv"
COLUMNS = ("File Name", "Laterality", "View", "ACR", "Bi-Rads")

NAME = re.compile(r"(\d+)_([0-9A-Fa-f]+)_MG_[LR]_[A-Z]+_ANON\.dcm")
"""Name of an image: its number, and the code of the patient."""

MASS = "mass"


def collect(job: IngestJob) -> list[Record]:
    """Records of all images that the table names; one without contours, or with none of a mass, gets an empty mask.

    Raises:
        WrongCallError: an input is no folder, or there is no table, no image or no contours below it.
    """
    files = [
        (folder, path)
        for folder in job.require_folders()
        for path in list_files_below(folder)
        if not leads_out(path, folder)
    ]
    paths = [path for _, path in files]
    facts = _read_table(paths)
    contours = {path.stem: path for path in paths if path.suffix.lower() == ".xml" and path.stem.isdecimal()}
    if not contours:
        raise WrongCallError("no 'NUMBER.xml' with contours below the input; name the folder that holds 'AllXML', too.")
    images: dict[str, tuple[Path, Path, str]] = {}
    for folder, path in files:
        relative = path.relative_to(folder)
        if path.suffix.lower() != ".dcm":
            continue
        if not (named := NAME.fullmatch(path.name)):
            job.report.skip("DICOM files with other names than INbreast's", relative)
        elif named[1] not in facts:
            job.report.skip(f"images without a row in {TABLE}", relative)
        elif named[1] in images:
            job.report.note(COPIES, relative)
        else:
            images[named[1]] = (path, relative, named[2])
    for number in sorted(contours.keys() - images.keys()):
        job.report.skip("contours without an image", contours[number].name)
    records = []
    for number, (path, relative, patient) in tqdm(images.items(), desc="inbreast", unit="image", disable=None):
        try:
            record = _build_record(job, number, path, contours.get(number))
        except InputRefusedError as error:
            job.report.refuse(error, relative)
            continue
        records.append(record | facts[number] | {"patient_id": patient})
    return records


def _build_record(job: IngestJob, number: str, path: Path, contours: Path | None) -> Record:
    mammogram = read_mammogram(path)
    rows, columns = mammogram.pixels.shape
    masses = []
    if contours is None:
        job.report.note("images without a file of contours, taken as images without mass", number)
    else:
        try:
            masses = _read_masses(job, number, contours, (rows, columns))
        except InputRefusedError as error:
            raise InputRefusedError(error.code, f"its contours {contours.name}: {error.reason}") from error
    return {
        "image_id": number,
        "image": path,
        **write_masses(job.made / "masks", number, masses, shape=(rows, columns)),
        **describe_mammogram(mammogram),
    }


def _read_masses(job: IngestJob, number: str, contours: Path, shape: tuple[int, int]) -> list[np.ndarray]:
    """The regions of mass, 0/1 on the grid of their image; what is left out is counted."""
    regions = read_contours(contours)
    of_mass = [region for region in regions if region.name.lower() == MASS]
    for name in sorted({region.name for region in regions if region.name.lower() != MASS}):
        job.report.note(f"regions that are not called Mass: {as_printable(name) or 'without a name'}", number)
    check_count(len(of_mass))
    masses = [mask for region in of_mass if (mask := fill_polygon(region.points, shape)).any()]
    if len(masses) < len(of_mass):
        job.report.note("masses that enclose no pixel of their image, left out", number)
    for mask in masses:
        check_area(mask)
    return masses


def _read_table(paths: list[Path]) -> dict[str, Record]:
    """Facts by the number of the image."""
    table = next((path for path in paths if path.name == TABLE), None)
    if table is None:
        raise WrongCallError(f"no '{TABLE}' below the input; put the table that comes with INbreast there.")
    return {row["File Name"].strip(): _read_facts(row) for row in read_csv(table, needed=COLUMNS, delimiter=";")[1]}


def _read_facts(row: dict[str, str]) -> Record:
    """What a row says; a BI-RADS of ``4a`` is 4, and what is no number is not known."""
    numbers = {"birads": ("Bi-Rads", "0123456"), "density": ("ACR", "1234")}
    known = {
        key: int(cell[0]) for key, (name, digits) in numbers.items() if (cell := row[name].strip())[:1] in [*digits]
    }
    side, view = row["Laterality"].strip(), row["View"].strip()
    return known | ({"laterality": side} if side in ("L", "R") else {}) | ({"view": view} if view else {})
