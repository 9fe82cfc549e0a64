"""Grey values of DICOM as one small table: modality LUT, VOI, polarity, padding, in this order."""

import logging
import math

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from mammoseg.dicom.attributes import numbers
from mammoseg.errors import InputRefusedError, WrongCallError

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 64
"""Rows looked up in one step: numpy copies the indices to 8 bytes each."""


def grey_table(dataset: Dataset, *, voi: str | int) -> np.ndarray:
    """Grey value of each stored value: float32 ``(2 ** BitsStored,)``, dense tissue high, padding lowest.

    All steps run on this table instead of on millions of pixels.

    Args:
        dataset: the header; its pixels are not looked at.
        voi: ``"first"``, ``"none"`` or an index over the items of VOI LUT Sequence, then the windows.

    Raises:
        InputRefusedError: ``E_RESCALE`` or ``E_VOI``.
        WrongCallError: `voi` is none of these.
    """
    if not (voi in ("first", "none") or isinstance(voi, int)):
        raise WrongCallError(f"voi is '{voi}'; give 'first', 'none' or an index.")
    values = _apply_modality(np.arange(2**dataset.BitsStored, dtype=np.uint16), dataset)
    table = _apply_voi(values, dataset, voi).astype(np.float32)
    low, high = table.min(), table.max()
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2: the lowest value is white
        table = low + high - table
    if "PixelPaddingValue" in dataset:  # PS3.3 C.7.5.1.1.2: a range of stored values, both ends included
        first = dataset.PixelPaddingValue
        start, stop = sorted((first, dataset.get("PixelPaddingRangeLimit", first)))
        table[max(0, start) : stop + 1] = low
    return table


def look_up(table: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Grey values float32 ``(rows, columns)`` of stored values."""
    pixels = np.empty(stored.shape, np.float32)
    for start in range(0, len(stored), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        np.take(table, stored[rows], out=pixels[rows], mode="clip")
    return pixels


def _apply_modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    if "ModalityLUTSequence" not in dataset and ("RescaleSlope" in dataset or "RescaleIntercept" in dataset):
        match numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept"):
            case [slope], [intercept] if slope != 0 and math.isfinite(slope) and math.isfinite(intercept):
                if (slope, intercept) == (1, 0):
                    return stored
            case _:
                reason = "Rescale Slope and Intercept must both be numbers, and the slope not 0."
                raise InputRefusedError("E_RESCALE", reason)
    try:
        return apply_modality_lut(stored, dataset)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise InputRefusedError("E_RESCALE", "Modality LUT Sequence is malformed.") from error


def _apply_voi(values: np.ndarray, dataset: Dataset, voi: str | int) -> np.ndarray:
    """Apply one of the file's own items; a window of no width is left out, as no rule gives it a meaning."""
    tables = range(len(dataset.get("VOILUTSequence") or []))
    widths = numbers(dataset, "WindowWidth")
    least = 1.0 if dataset.get("VOILUTFunction", "LINEAR") == "LINEAR" else np.finfo(float).tiny  # PS3.3 C.11.2.1.2
    windows = [index for index, width in enumerate(widths) if width >= least]
    if len(windows) < len(widths):
        logger.warning("%d of %d windows have no width and are left out", len(widths) - len(windows), len(widths))
    items = [(apply_voi, index) for index in tables] + [(apply_windowing, index) for index in windows]
    if voi == "none" or (voi == "first" and not items):
        return values
    index = 0 if voi == "first" else int(voi)
    if not 0 <= index < len(items):
        raise InputRefusedError("E_VOI", f"VOI item {index} was asked for, the file has {len(items)}.")
    function, position = items[index]
    if function is apply_voi:  # a table is indexed by whole numbers
        values = np.rint(values).astype(np.int64)
    try:
        return function(values, dataset, position)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise InputRefusedError("E_VOI", f"VOI item {index} is malformed; read with voi='none'.") from error
