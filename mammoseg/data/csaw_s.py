"""CSAW-S (Matsoukas et al. 2020): one PNG a class; docs/datasets/csaw_s.md."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.mask_files import check_area, fit_to_grid, write_mask
from mammoseg.data.masks import read_mask
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.folders import is_file, lies_in

LICENSE = "under the terms of its authors; CSAW-S, cite doi:10.5281/zenodo.4030660"

IMAGES = "anonymized_dataset"
TEST = "test_data"
ANNOTATORS = ("annotator_1", "annotator_2", "annotator_3")

NAME = re.compile(r"[0-9A-Za-z]+_\d{1,2}")
"""Stem of an image: patient, and number of the image."""


def collect(job: IngestJob) -> list[Record]:
    """Records of all images; the label is the class ``cancer``, in the test part where most annotators marked it.

    Raises:
        WrongCallError: an input is no folder, or has no folder ``anonymized_dataset``.
    """
    records = []
    for folder in job.require_folders():
        if not (folder / IMAGES).is_dir():
            raise WrongCallError(f"'{folder}' has no folder '{IMAGES}'; name the folder of CSAW-S that holds it.")
        parts = {"training": (folder / IMAGES, [folder / IMAGES])}
        if (folder / TEST / IMAGES).is_dir():
            parts["test"] = (folder / TEST / IMAGES, [folder / TEST / name for name in ANNOTATORS])
        for section, (images, masks) in parts.items():
            paths = sorted(path for path in images.glob("*/*.png") if NAME.fullmatch(path.stem))
            for path in tqdm(paths, desc=f"csaw_s {section}", unit="image", disable=None):
                try:
                    if not lies_in(path, folder):
                        raise InputRefusedError("E_NOT_A_FILE", "this is a link that leads out of the input.")
                    records.append(_build_record(job, folder, path, masks) | {"official": {section}})
                except InputRefusedError as error:
                    job.report.refuse(error, path.relative_to(folder))
    return records


def _build_record(job: IngestJob, folder: Path, path: Path, mask_folders: Sequence[Path]) -> Record:
    eight_bits = path.with_name(f"{path.stem}_8bit.png")
    image = eight_bits if is_file(eight_bits) and lies_in(eight_bits, folder) else path
    rows, columns = read_mammogram(image).pixels.shape
    name = Path(path.parent.name, f"{path.stem}_cancer.png")
    files = [masks / name for masks in mask_folders]
    noted: set[str] = set()
    found = [file for file in files if is_file(file) and lies_in(file, folder)]
    drawn = [_load_mask(file, (rows, columns), note=noted.add) for file in found]
    if not drawn:
        raise InputRefusedError("E_MASK_MISSING", f"there is no {name.name} of it.")
    mask = 2 * np.sum(drawn, axis=0, dtype=np.uint8) > len(drawn)
    if len(drawn) > 1 and not all((other == drawn[0]).all() for other in drawn):
        noted.add("masks of annotators who differ, decided by most of them")
    for remark in sorted(noted):
        job.report.note(remark, path.relative_to(folder))
    return {
        "image_id": path.stem,
        "image": image,
        "label": write_mask(job.made / "masks" / f"{path.stem}.png", mask),
        "patient_id": path.parent.name,
        "laterality": None,
        "view": None,
        "has_mass": bool(mask.any()),
    }


def _load_mask(path: Path, shape: tuple[int, int], *, note: Callable[[str], object]) -> np.ndarray:
    try:
        mask = fit_to_grid(read_mask(path), shape, note=note)
        check_area(mask)
    except InputRefusedError as error:
        raise InputRefusedError(error.code, f"its mask {path.parents[1].name}/{path.name}: {error.reason}") from error
    return mask
