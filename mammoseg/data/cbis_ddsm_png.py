"""The 256 x 256 PNG copy of CBIS-DDSM: ``index.csv``, ``images/``, ``masks/``, joined with TCIA's tables.

All masses of an image are one mask there, so records have no instances; breasts were flipped to the left edge and
pixel spacing is lost.
"""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mammoseg.csv_table import read_csv
from mammoseg.data.cbis_ddsm_tables import SECTION_OF_SPLIT, Abnormality, describe
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.errors import InputRefusedError
from mammoseg.files import files_below

COLUMNS = {"image_id", "patient_id", "laterality", "view", "official_split", "image", "mask"}


def is_png_copy(folder: Path) -> bool:
    """Whether the folder has an ``index.csv`` with the columns of this copy."""
    index = folder / "index.csv"
    return index.is_file() and COLUMNS <= set(read_csv(index)[0])


def collect(job: IngestJob, folder: Path, abnormalities: Sequence[Abnormality]) -> list[Record]:
    """Records of the images that the index names and the tables describe."""
    by_case: dict[str, list[Abnormality]] = {}
    for abnormality in abnormalities:
        by_case.setdefault(abnormality.case, []).append(abnormality)
    for path in sorted(path for path in files_below(folder) if path.suffix == ".dcm"):
        job.report.skip("DICOM files beside an index.csv", path.relative_to(folder))
    records = []
    for row in tqdm(read_csv(folder / "index.csv")[1], desc="cbis_ddsm", unit="image", disable=None):
        if row["image_id"] not in by_case:
            job.report.skip("images without a row in the tables", row["image_id"])
            continue
        try:
            records.append(_record(folder, row, by_case[row["image_id"]]))
        except InputRefusedError as error:
            job.report.refuse(error, row["image_id"])
    return records


def _record(folder: Path, row: dict[str, str], abnormalities: Sequence[Abnormality]) -> Record:
    image, mask = folder / row["image"], folder / row["mask"]
    rows, columns = read_mammogram(image).pixels.shape
    return {
        "image_id": row["image_id"],
        "image": image,
        "label": mask,
        "patient_id": row["patient_id"],
        "laterality": row["laterality"][0],
        "view": row["view"],
        "has_mass": bool(read_mask(mask, shape=(rows, columns)).any()),
        "official": {SECTION_OF_SPLIT[row["official_split"]]},
        **describe(abnormalities),
    }
