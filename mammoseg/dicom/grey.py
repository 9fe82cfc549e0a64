"""Grey values of DICOM as one small table: modality LUT, VOI, polarity, padding, in this order (PS3.3 C.11)."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from mammoseg.border import refused_as
from mammoseg.dicom.lut import Table, read_lut
from mammoseg.dicom.own_voi import parse_own_voi
from mammoseg.dicom.values import read_code_string, read_integer
from mammoseg.dicom.window import LEAST_WIDTH, Window
from mammoseg.errors import InputRefusedError

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 64
"""Rows looked up in one step: numpy copies the indices to 8 bytes each."""

NO_PADDING = -(2**40)
"""Stands for an absent Pixel Padding Value, which may itself be negative."""


VOI_MALFORMED = "the window or the VOI LUT Sequence is malformed; read with voi='none'."


def compute_grey_table(dataset: Dataset, *, voi: str | int) -> np.ndarray:
    """Grey value of each stored value: float32 ``(2 ** BitsStored,)``, dense tissue high, padding lowest.

    All steps run on this table instead of on millions of pixels. Where padding lies above Bits Stored, the table goes
    on to the end of it.

    Args:
        dataset: the header; its pixels are not looked at.
        voi: ``"first"``, ``"none"`` or an index over the items of VOI LUT Sequence, then the windows; or
            what `mammoseg.dicom.own_voi.parse_own_voi` takes, in place of the file's own.

    Raises:
        InputRefusedError: ``E_RESCALE``, ``E_VOI`` or ``E_ATTRIBUTE``.
        WrongCallError: `voi` is none of these.
    """
    if not (voi in ("first", "none") or isinstance(voi, int)):
        parse_own_voi(voi)
    values, limits = compute_modality_values(dataset)
    with _refusing("E_VOI", VOI_MALFORMED):
        table = _require_finite(_apply_voi(values, limits, dataset, voi).astype(np.float64))
    low, high = table.min(), table.max()
    if read_code_string(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        table = low + high - table  # the lowest is white, PS3.3 C.7.6.3.1.2; in float32 the sum would be rounded
    if padding := read_padding_range(dataset):
        table = np.pad(table, (0, max(0, padding[1] + 1 - len(table))), constant_values=low)
        table[padding[0] : padding[1] + 1] = low
    return table.astype(np.float32)


def compute_modality_values(dataset: Dataset) -> tuple[np.ndarray, tuple[float, float]]:
    """Value of each stored value after the modality LUT, float64 ``(2 ** BitsStored,)``, and the ends of their range.

    Raises:
        InputRefusedError: ``E_RESCALE``.
    """
    stored = np.arange(2 ** read_integer(dataset, "BitsStored"), dtype=np.float64)
    with _refusing("E_RESCALE", "Rescale Slope, Rescale Intercept or Modality LUT Sequence is malformed."):
        slope, intercept = _read_rescale(dataset)
        if tables := _read_items(dataset, "ModalityLUTSequence"):
            if (slope, intercept) != (1, 0):
                reason = "there are both a Modality LUT Sequence and a Rescale Slope; only one of them can be meant."
                raise InputRefusedError("E_RESCALE", reason)
            table = read_lut(tables[0], "E_RESCALE", is_signed=False, is_little_endian=_is_little_endian(dataset))
            return table.look_up(stored).astype(np.float64), (0, max(2**table.bits - 1, int(table.entries.max())))
        values = _require_finite(stored * slope + intercept)
    return values, (float(values.min()), float(values.max()))


def list_voi_functions(dataset: Dataset, *, is_signed: bool) -> list[Table | Window]:
    """The file's own grey-value functions: its tables, then its windows but those of no width, which mean nothing.

    Args:
        is_signed: whether a value after the modality LUT can be negative.

    Raises:
        InputRefusedError: ``E_VOI``.
    """
    little = _is_little_endian(dataset)
    with _refusing("E_VOI", VOI_MALFORMED):
        tables = [
            read_lut(item, "E_VOI", is_signed=is_signed, is_little_endian=little)
            for item in _read_items(dataset, "VOILUTSequence")
        ]
        return [*tables, *_read_windows(dataset)]


def read_padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """First and last of the stored values that mean that nothing was recorded (PS3.3 C.7.5.1.1.2), None without any.

    Some files have padding above Bits Stored, or as a negative number of as many bits as are allocated.

    Raises:
        InputRefusedError: ``E_ATTRIBUTE``.
    """
    first = read_integer(dataset, "PixelPaddingValue", NO_PADDING)
    if first == NO_PADDING:
        return None
    start, stop = sorted((first, read_integer(dataset, "PixelPaddingRangeLimit", first)))
    values = 2 ** read_integer(dataset, "BitsAllocated")
    if stop < 0:
        start, stop = start + values, stop + values
    start, stop = max(0, start), min(stop, values - 1)
    return (start, stop) if start <= stop else None


def find_padding(stored: np.ndarray, padding: tuple[int, int] | None) -> np.ndarray | None:
    """Where nothing was recorded: bool ``(rows, columns)``, None without `read_padding_range`."""
    return None if padding is None else (stored >= padding[0]) & (stored <= padding[1])


def look_up(table: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Grey values float32 ``(rows, columns)`` of stored values."""
    pixels = np.empty(stored.shape, np.float32)
    for start in range(0, len(stored), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        np.take(table, stored[rows], out=pixels[rows], mode="clip")
    return pixels


def _read_rescale(dataset: Dataset) -> tuple[float, float]:
    """Rescale Slope and Intercept; 1 and 0 where neither is stated."""
    match _read_numbers(dataset, "RescaleSlope"), _read_numbers(dataset, "RescaleIntercept"):
        case [], []:
            return 1, 0
        case [slope], [intercept] if slope != 0 and math.isfinite(slope) and math.isfinite(intercept):
            return slope, intercept
        case [_], []:
            raise InputRefusedError("E_RESCALE", "Rescale Intercept is absent, though there is a Rescale Slope.")
        case [], [_]:
            raise InputRefusedError("E_RESCALE", "Rescale Slope is absent, though there is a Rescale Intercept.")
    reason = "Rescale Slope and Intercept must both be one finite number, and the slope not 0."
    raise InputRefusedError("E_RESCALE", reason)


def _read_windows(dataset: Dataset) -> list[Window]:
    function = read_code_string(dataset, "VOILUTFunction") or "LINEAR"
    centres, widths = _read_numbers(dataset, "WindowCenter"), _read_numbers(dataset, "WindowWidth")
    if widths and function not in LEAST_WIDTH:
        raise InputRefusedError("E_VOI", f"VOI LUT Function is none of {', '.join(LEAST_WIDTH)}; read with voi='none'.")
    if widths and not centres:
        raise InputRefusedError(
            "E_VOI", "Window Center is absent, though there is a Window Width; read with voi='none'."
        )
    if not widths:
        widths = [0.0] * len(centres)
    if len(widths) != len(centres):
        reason = f"Window Center has {len(centres)} values, Window Width {len(widths)}; read with voi='none'."
        raise InputRefusedError("E_VOI", reason)
    kept = [pair for pair in zip(centres, widths, strict=True) if pair[1] >= LEAST_WIDTH[function]]
    if len(kept) < len(widths):
        logger.warning("%d of %d windows have no width and are left out", len(widths) - len(kept), len(widths))
    if not np.isfinite(kept).all():
        raise InputRefusedError("E_VOI", "a window is no finite number; read with voi='none'.")
    return [Window(centre, width, function) for centre, width in kept]


def _apply_voi(values: np.ndarray, limits: tuple[float, float], dataset: Dataset, voi: str | int) -> np.ndarray:
    """Apply a VOI; a window fills the range of the values, whatever the sign of the slope."""
    if voi == "none":
        return values
    low, high = limits
    if isinstance(voi, str) and voi != "first":
        return low + parse_own_voi(voi).compute_fraction(values) * (high - low)
    items = list_voi_functions(dataset, is_signed=limits[0] < 0)
    if voi == "first" and not items:
        return values
    index = 0 if voi == "first" else int(voi)
    if not 0 <= index < len(items):
        raise InputRefusedError("E_VOI", f"VOI item {index} was asked for, the file has {len(items)}.")
    item = items[index]
    if isinstance(item, Table):
        return item.look_up(values)
    return low + item.compute_fraction(values) * (high - low)


def _read_numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The numbers of an attribute, none where it is absent or empty; whatever goes wrong means that it is malformed."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [float(number) for number in (value if isinstance(value, MultiValue | list) else [value])]


def _read_items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    if not isinstance(value, Sequence) and value not in (None, "", b""):
        raise ValueError(f"{keyword} is no sequence")
    return list(value or [])


def _is_little_endian(dataset: Dataset) -> bool:
    """Byte order of the file; a header that came as JSON has none, and no words in bytes either."""
    meta = getattr(dataset, "file_meta", None)
    return meta is None or bool(meta.TransferSyntaxUID.is_little_endian)


def _require_finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values.astype(np.float32)).all():
        raise ValueError("a grey value is no number")
    return values


@contextmanager
def _refusing(code: str, reason: str) -> Iterator[None]:
    """Refuse by `code` what is malformed, and let numbers overflow quietly, which is looked for afterwards."""
    with refused_as(code, reason), np.errstate(all="ignore"):
        yield
