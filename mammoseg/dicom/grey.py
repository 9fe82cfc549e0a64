"""Grey values of DICOM as one small table: modality LUT, VOI, polarity, padding, in this order."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from mammoseg.dicom.attributes import numbers
from mammoseg.dicom.values import MALFORMED, integer
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
        InputRefusedError: ``E_RESCALE``, ``E_VOI`` or ``E_ATTRIBUTE``.
        WrongCallError: `voi` is none of these.
    """
    if not (voi in ("first", "none") or isinstance(voi, int)):
        raise WrongCallError(f"voi is '{voi}'; give 'first', 'none' or an index.")
    stored = np.arange(2 ** integer(dataset, "BitsStored"), dtype=np.uint16)
    with _refusing("E_RESCALE", "Rescale Slope, Rescale Intercept or Modality LUT Sequence is malformed."):
        values = _finite(_apply_modality(stored, dataset))
    with _refusing("E_VOI", "the window or the VOI LUT Sequence is malformed; read with voi='none'."):
        table = _finite(_apply_voi(values, dataset, voi).astype(np.float32))
    low, high = table.min(), table.max()
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2: the lowest value is white
        table = low + high - table
    if padding := padding_range(dataset):
        table[padding[0] : padding[1] + 1] = low
    return table


def padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """First and last of the stored values that mean that nothing was recorded (PS3.3 C.7.5.1.1.2), None without any.

    Raises:
        InputRefusedError: ``E_ATTRIBUTE``.
    """
    first = integer(dataset, "PixelPaddingValue", -1)
    start, stop = sorted((first, integer(dataset, "PixelPaddingRangeLimit", first)))
    return None if stop < 0 else (max(0, start), stop)


def padding_mask(stored: np.ndarray, padding: tuple[int, int] | None) -> np.ndarray | None:
    """Where nothing was recorded: bool ``(rows, columns)``, None without `padding_range`."""
    return None if padding is None else (stored >= padding[0]) & (stored <= padding[1])


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
    return apply_modality_lut(stored, dataset)


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
    return function(values, dataset, position)


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values.astype(np.float32)).all():
        raise ValueError("a grey value is no number")
    return values


@contextmanager
def _refusing(code: str, reason: str) -> Iterator[None]:
    """Refuse by `code` what is malformed, unless the block has a better reason."""
    try:
        with np.errstate(all="ignore"):
            yield
    except InputRefusedError:
        raise
    except MALFORMED as error:
        raise InputRefusedError(code, reason) from error
