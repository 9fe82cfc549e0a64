"""Readers in MONAI's interface; MONAI's own disagree on mammograms (ITKReader, PydicomReader).

The package loads with them through `LoadWithd`; LoadImaged takes them too, but tries its own when they refuse.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, ensure_tuple

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.mammogram import MODALITIES, Mammogram


class MammogramReader(ImageReader):
    """Gives float32 ``(rows, columns)`` and metadata of plain values that survive collate and `torch.save`.

    What the file does not say is ``""`` for a text and NaN for a number, as MONAI's collate knows no None. The affine
    is that of ``(row, column)`` in mm, or in pixels where no spacing is known.

    Args:
        voi: grey-value function to apply, see `mammoseg.data.mammogram.read_mammogram`.
        modalities: DICOM modalities to let in.
    """

    def __init__(self, *, voi: str | int = "first", modalities: Sequence[str] = MODALITIES) -> None:
        self.voi = voi
        self.modalities = tuple(modalities)

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        return True

    def read(self, data: Any, **kwargs: Any) -> Mammogram:
        """Read a file; a `Mammogram` that was read before passes as it is."""
        (source,) = ensure_tuple(data)
        if isinstance(source, Mammogram):
            return source
        return read_mammogram(source, voi=self.voi, modalities=self.modalities)

    def get_data(self, img: Mammogram) -> tuple[np.ndarray, dict[str, Any]]:
        spacing = img.pixel_spacing_mm or (math.nan, math.nan)
        metadata = {
            "laterality": img.laterality or "",
            "view": img.view or "",
            "pixel_spacing_mm": list(spacing),
            "pixel_spacing_source": img.pixel_spacing_source or "",
            "magnification": math.nan if img.magnification is None else img.magnification,
            "value_range": list(img.value_range),
        }
        return img.pixels, metadata | _describe_geometry(img.pixels, img.pixel_spacing_mm or (1.0, 1.0))


class MaskReader(ImageReader):
    """Gives float32 0 / 1 ``(rows, columns)``."""

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        return True

    def read(self, data: Any, **kwargs: Any) -> np.ndarray:
        (path,) = ensure_tuple(data)
        return read_mask(Path(path))

    def get_data(self, img: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        return img.astype(np.float32), _describe_geometry(img, (1.0, 1.0))


def _describe_geometry(pixels: np.ndarray, spacing: tuple[float, float]) -> dict[str, Any]:
    return {
        MetaKeys.SPATIAL_SHAPE.value: list(pixels.shape),
        MetaKeys.ORIGINAL_CHANNEL_DIM.value: "no_channel",
        MetaKeys.AFFINE.value: np.diag([*spacing, 1.0, 1.0]),
    }
