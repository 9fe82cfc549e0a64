"""Files to send: phantoms of one patient, and a segmentation of one of them."""

from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from tests.made_analysis import made_analysis

ROWS, COLUMNS = 40, 36


def write_view(folder: Path, number: int = 0, **options: Any) -> Path:
    """A mammogram of 40 x 36 pixels; another number gives other pixels, and so another instance."""
    path = folder / f"view{number}.dcm"
    pixels = (np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) + number) % 4096
    write_mammogram(path, pixels, **options)
    return path


def write_seg(folder: Path) -> Path:
    """Segmentation of a mammogram that lies beside it as source.dcm."""
    path = folder / "view.seg.dcm"
    write_object(build_segmentation(made_analysis(folder)), path)
    return path
