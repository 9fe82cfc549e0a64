"""Copies of CBIS-DDSM as pictures: ``index.csv``, ``images/``, ``masks/``, joined with TCIA's tables.

All masses of an image are one mask there, so records have no instances; breasts were flipped to the left edge and
pixel spacing is lost.
"""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mammoseg.csv_table import read_csv
from mammoseg.data.cbis_ddsm_tables import Abnormality, describe_image
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import COPIES, IngestJob
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.errors import InputRefusedError
from mammoseg.folders import is_file, lies_in, list_files_below

COLUMNS = {"image_id", "image", "mask"}


def is_png_copy(folder: Path) -> bool:
    """Whether the folder has an ``index.csv`` with the columns of such a copy."""
    index = folder / "index.csv"
    return is_file(index) and COLUMNS <= set(read_csv(index)[0])


def collect(job: IngestJob, folders: Sequence[Path], abnormalities: Sequence[Abnormality]) -> list[Record]:
    """Records of the images that the indices name and the tables describe, each from the first folder that has it."""
    by_case: dict[str, list[Abnormality]] = {}
    for abnormality in abnormalities:
        by_case.setdefault(abnormality.case, []).append(abnormality)
    files: dict[str, tuple[Path, Path]] = {}
    for folder in folders:
        for path in sorted(path for path in list_files_below(folder) if path.suffix == ".dcm"):
            job.report.skip("DICOM files beside an index.csv", path.relative_to(folder))
        for row in read_csv(folder / "index.csv")[1]:
            if row["image_id"] in files:
                job.report.skip(COPIES, folder / row["image"])
            image, mask = folder / row["image"], folder / row["mask"]
            if all(any(lies_in(path, root) for root in job.inputs) for path in (image, mask)):
                files.setdefault(row["image_id"], (image, mask))
            else:
                job.report.skip("files that an index.csv names outside of the named folders", row["image_id"])
    records = []
    for image_id, (image, mask) in tqdm(files.items(), desc="cbis_ddsm", unit="image", disable=None):
        if image_id not in by_case:
            job.report.skip("images without a row in the tables", image_id)
            continue
        try:
            records.append(_build_record(image_id, image, mask, by_case[image_id]))
        except InputRefusedError as error:
            job.report.refuse(error, image_id)
    return records


def _build_record(image_id: str, image: Path, mask: Path, abnormalities: Sequence[Abnormality]) -> Record:
    rows, columns = read_mammogram(image).pixels.shape
    first = abnormalities[0]
    return {
        "image_id": image_id,
        "image": image,
        "label": mask,
        "patient_id": first.patient_id,
        "laterality": first.laterality,
        "view": first.view,
        "has_mass": bool(read_mask(mask, shape=(rows, columns)).any()),
        "official": {first.section},
        **describe_image(abnormalities),
    }
