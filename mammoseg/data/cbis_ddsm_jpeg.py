"""The JPEG copy of CBIS-DDSM (Kaggle): ``csv/dicom_info.csv`` names the files ``jpeg/SERIES_UID/NAME.jpg``.

Of its columns, ``PatientID`` says to whom a file belongs. ``SeriesDescription`` is empty for some and wrong for others,
so it is not read.
"""

from pathlib import Path, PurePosixPath

import numpy as np

from mammoseg.csv_table import read_csv
from mammoseg.data.cbis_ddsm_views import Copy, Files
from mammoseg.data.ingest_job import IngestReport
from mammoseg.data.pictures import load_picture
from mammoseg.folders import is_file, lies_in

INDEX = Path("csv", "dicom_info.csv")

PICTURES = "jpeg"
"""The folder beside ``csv``; the paths in the index begin with ``CBIS-DDSM/jpeg``, whatever the copy is called."""

NEAR = 32
"""How far JPEG takes a grey value of 8 bits from black or white around the edge of a mask."""

MOST_BETWEEN = 0.02
"""Share of other greys that a mask may have; a crop of a film has mostly others."""


def find_copy(folder: Path) -> Path | None:
    """The folder that holds ``csv`` and ``jpeg``: this one, or one in it; None where there is none."""
    return next((index.parents[1] for pattern in ("", "*/") for index in folder.glob(f"{pattern}{INDEX}")), None)


def open_copy(root: Path, report: IngestReport) -> Copy:
    """All files that the index names.

    Raises:
        WrongCallError: the index is no CSV, or lacks a column.
    """
    files: Files = {}
    for row in read_csv(root / INDEX, needed=("image_path", "PatientID"))[1]:
        owner, path = row["PatientID"].strip(), _find_file(root, row["image_path"])
        if path is None:
            report.skip("files of dicom_info.csv that are not there", row["image_path"])
        elif not owner:
            report.skip("files without a PatientID in dicom_info.csv", row["image_path"])
        elif path not in files.setdefault(owner, []):
            files[owner].append(path)
    return Copy(files, _read_shape, find_mask)


def find_mask(path: Path) -> np.ndarray | None:
    """The mask uint8 0 / 1 ``(rows, columns)`` in a picture that is black and white but for what JPEG adds, else None.

    Raises:
        InputRefusedError: the picture cannot be used.
    """
    pixels = load_picture(path).pixels
    is_black, is_white = pixels < NEAR, pixels > 255 - NEAR
    if not is_white.any() or not is_black.any() or np.mean(~(is_black | is_white)) > MOST_BETWEEN:
        return None
    return (pixels > 127).astype(np.uint8)


def _find_file(root: Path, stated: str) -> Path | None:
    """The file that the index means, where it is below the copy."""
    parts = PurePosixPath(stated.strip()).parts
    if PICTURES not in parts or ".." in parts:
        return None
    path = root.joinpath(*parts[parts.index(PICTURES) :])
    return path if is_file(path) and lies_in(path, root) else None


def _read_shape(path: Path) -> tuple[int, int]:
    rows, columns = load_picture(path).pixels.shape
    return rows, columns
