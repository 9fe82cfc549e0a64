"""The DICOM tree of CBIS-DDSM as TCIA gives it, in whatever folders: these changed between TCIA's releases."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.cbis_ddsm_views import Copy, Files
from mammoseg.data.ingest_job import NOT_DICOM, IngestReport
from mammoseg.dicom.read import read_stored, read_texts
from mammoseg.errors import InputRefusedError
from mammoseg.folders import is_file, list_files_below


def open_trees(folders: Sequence[Path], report: IngestReport) -> Copy:
    """All DICOM files below the folders, by the PatientID in their headers."""
    return Copy(_group_by_owner(folders, report), _read_shape, _read_mask)


def is_mask(pixels: np.ndarray) -> bool:
    """Whether an image has exactly two grey values, as no crop of a film has.

    Args:
        pixels: ``(rows, columns)``, any unit.
    """
    low, high = pixels.min(), pixels.max()
    return bool(low < high and ((pixels == low) | (pixels == high)).all())


def _group_by_owner(folders: Sequence[Path], report: IngestReport) -> Files:
    """Files by their PatientID, which is the name of a case or of an abnormality."""
    files: Files = {}
    for folder in folders:
        paths = sorted(path for path in list_files_below(folder) if path.suffix != ".csv")
        for path in tqdm(paths, desc="headers", unit="file", disable=None):
            if not is_file(path):
                report.skip("no files that can be read", path.relative_to(folder))
                continue
            try:
                files.setdefault(read_texts(path, ["PatientID"])["PatientID"], []).append(path)
            except InputRefusedError:
                report.skip(NOT_DICOM, path.relative_to(folder))
    return files


def _read_shape(path: Path) -> tuple[int, int]:
    rows, columns = read_stored(path, modalities=("MG",)).shape
    return rows, columns


def _read_mask(path: Path) -> np.ndarray | None:
    pixels = read_stored(path)
    return (pixels == pixels.max()).astype(np.uint8) if is_mask(pixels) else None
