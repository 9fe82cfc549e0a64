"""Pascal VOC 2012, segmentation (Everingham et al. 2015, doi:10.1007/s11263-014-0733-5); docs/datasets/voc.md."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.class_maps import IGNORED, read_class_map
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob
from mammoseg.data.photographs import read_photograph
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable
from mammoseg.folders import is_file, lies_in

LICENSE = "photographs under the terms of flickr; Pascal VOC 2012, cite doi:10.1007/s11263-014-0733-5"

CLASSES = 21
"""Background and 20 kinds of objects."""

SECTION_OF_SET = {"train": "training", "val": "test"}
"""The official test set has no public labels, so numbers are reported from ``val``."""


def collect(job: IngestJob) -> list[Record]:
    """Records of the labelled images of a VOCdevkit folder.

    Raises:
        WrongCallError: an input is no folder, or no VOCdevkit.
    """
    wanted = [
        (folder / "VOC2012", name, section)
        for folder in job.require_folders()
        for official, section in SECTION_OF_SET.items()
        for name in _read_names(folder, official)
    ]
    records = []
    for year, name, section in tqdm(wanted, desc="voc", unit="image", disable=None):
        try:
            records.append(_build_record(year, name, section))
        except InputRefusedError as error:
            job.report.refuse(error, name)
    return records


def _read_names(folder: Path, official: str) -> list[str]:
    listing = folder / "VOC2012" / "ImageSets" / "Segmentation" / f"{official}.txt"
    if not is_file(listing):
        raise WrongCallError(f"'{folder}' has no {listing.relative_to(folder)}; name the folder called VOCdevkit.")
    try:
        return listing.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise WrongCallError(f"{listing} is no text in UTF-8; unpack the archive again.") from error


def _build_record(year: Path, name: str, section: str) -> Record:
    image, label = year / "JPEGImages" / f"{name}.jpg", year / "SegmentationClass" / f"{name}.png"
    for code, path in (("E_IMAGE_MISSING", image), ("E_MASK_MISSING", label)):
        if not (is_file(path) and lies_in(path, year)):
            raise InputRefusedError(
                code, f"{path.parent.name} has no {as_printable(path.name)}; unpack the archive again."
            )
    _, rows, columns = read_photograph(image).shape
    found = set(np.unique(read_class_map(label, shape=(rows, columns))).tolist()) - {IGNORED}
    if max(found, default=0) >= CLASSES:
        raise InputRefusedError("E_CLASS", f"the class map has class {max(found)}; VOC has 0 to {CLASSES - 1}.")
    return {
        "image_id": name,
        "image": image,
        "label": label,
        "patient_id": name,
        "laterality": None,
        "view": None,
        "has_mass": bool(found - {0}),
        "official": {section},
    }
