"""From a DICOM file to the pixels a network may see: one gate for bad input, one rule for every grey-value step."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing, get_decoder, pixel_array

from mammoseg.data.mammogram import Mammogram
from mammoseg.errors import InputRefusedError, WrongCallError

logger = logging.getLogger(__name__)

IMAGE_CLASSES = {
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForPresentation,
    uid.ComputedRadiographyImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}
"""SOP classes that can hold one projection of one breast; film scans come as secondary capture."""

VOLUME_CLASSES = {
    uid.BreastTomosynthesisImageStorage,
    uid.BreastProjectionXRayImageStorageForPresentation,
    uid.BreastProjectionXRayImageStorageForProcessing,
}

VIEWS = {
    "R-10224": "ML", "399260004": "ML",
    "R-10226": "MLO", "399368009": "MLO",
    "R-10228": "LM", "399352003": "LM",
    "R-10230": "LMO", "399099002": "LMO",
    "R-10242": "CC", "399162004": "CC",
    "R-10244": "FB", "399196006": "FB",
    "R-102D0": "SIO", "399188001": "SIO",
    "R-40AAA": "ISO", "441555000": "ISO",
    "R-1024A": "XCC", "399192008": "XCC",
    "R-1024B": "XCCL", "399265004": "XCCL",
    "Y-X1770": "XCCL",
    "Y-X1771": "XCCM",
}  # fmt: skip
"""View code (SRT, SCT) to the short name of PS3.3 C.8.11.7 View Position; PS3.16 CID 4014."""

FASTEST_PLUGIN = {uid.JPEGLosslessSV1: "gdcm", uid.JPEGLossless: "gdcm"}
"""Where gdcm beats pylibjpeg (0.11 s to 0.15 s on 3062 x 2394); pydicom's own order rules elsewhere."""

MAX_PIXELS = 2**27
"""Four times the largest mammography detector; what claims more is refused before memory is given."""

ROWS_AT_ONCE = 64
"""Rows looked up in one step, so that numpy's 8-byte copy of the indices stays small."""


def read_dicom(path: Path, *, voi: str | int = "first", modalities: Sequence[str] = ("MG",)) -> Mammogram:
    """Read one mammogram: modality LUT, VOI, polarity and padding, in this order, as explicit steps.

    Args:
        path: a DICOM part 10 file.
        voi: which of the file's own grey-value functions to apply, counted over the items of VOI LUT Sequence and then
            the windows, each with its function LINEAR, LINEAR_EXACT or SIGMOID. ``"first"`` takes the first, or the
            stored range where there is none; an index takes that one; ``"none"`` keeps the stored range.
        modalities: what Modality may say.

    Raises:
        InputRefusedError: the file cannot be used. Neither its text nor its code holds a value that names a patient.
        WrongCallError: `voi` is none of these.
    """
    if not (voi in ("first", "none") or isinstance(voi, int)):
        raise WrongCallError(f"voi is '{voi}'; give 'first', 'none' or an index.")
    dataset = open_dicom(path)
    check_is_mammogram(dataset, modalities)
    stored = decode(dataset)
    table = grey_table(dataset, voi)
    spacing, source = pixel_spacing(dataset)
    return Mammogram(
        pixels=_look_up(table, stored),
        laterality=laterality(dataset),
        view=view(dataset),
        pixel_spacing_mm=spacing,
        pixel_spacing_source=source,
        magnification=_positive(dataset, "EstimatedRadiographicMagnificationFactor"),
        value_range=(float(table.min()), float(table.max())),
        path=path,
    )


def open_dicom(path: Path) -> Dataset:
    """Parse a file, and refuse what pydicom would hand over half read.

    Raises:
        InputRefusedError: ``E_NOT_DICOM``, ``E_TRUNCATED``, ``E_COMPRESSION``, ``E_NESTING``.
    """
    try:
        dataset = pydicom.dcmread(path)
    except InvalidDicomError as error:
        raise InputRefusedError("E_NOT_DICOM", "this is no DICOM file (part 10, with preamble).") from error
    except (EOFError, OSError, ValueError) as error:
        raise InputRefusedError("E_TRUNCATED", "the file ends or breaks inside an element; copy it again.") from error
    except RecursionError as error:
        raise InputRefusedError("E_NESTING", "sequences are nested too deep to be meant.") from error
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise InputRefusedError("E_COMPRESSION", "Transfer Syntax UID is missing; ask the sender for a valid file.")
    return dataset


def check_is_mammogram(dataset: Dataset, modalities: Sequence[str]) -> None:
    """Refuse what is not one grey projection image.

    Raises:
        InputRefusedError: ``E_SOP_CLASS``, ``E_FOR_PROCESSING``, ``E_MULTIFRAME``, ``E_MODALITY``.
    """
    sop_class = uid.UID(dataset.get("SOPClassUID", ""))
    if sop_class in VOLUME_CLASSES:
        raise InputRefusedError("E_MULTIFRAME", f"{sop_class.name} holds many frames; give a 2D mammogram.")
    if (
        sop_class == uid.DigitalMammographyXRayImageStorageForProcessing
        or dataset.get("PresentationIntentType") == "FOR PROCESSING"
    ):
        raise InputRefusedError(
            "E_FOR_PROCESSING", "raw detector data (FOR PROCESSING); give the FOR PRESENTATION one."
        )
    if sop_class not in IMAGE_CLASSES:
        raise InputRefusedError("E_SOP_CLASS", f"{sop_class.name or 'no SOP class'} is not a mammogram.")
    if dataset.get("Modality") not in modalities:
        raise InputRefusedError(
            "E_MODALITY",
            f"Modality is {dataset.get('Modality') or 'missing'}, not {' or '.join(modalities)}; "
            "name it in `modalities` if this is a mammogram all the same.",
        )


def decode(dataset: Dataset) -> np.ndarray:
    """Decode one grey frame: unsigned integers ``(rows, columns)`` as stored.

    Raises:
        InputRefusedError: ``E_NO_PIXELS``, ``E_MULTIFRAME``, ``E_COLOUR``, ``E_SIZE``, ``E_BITS``, ``E_TRUNCATED``,
            ``E_COMPRESSION``.
    """
    check_pixel_description(dataset)
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        plugin = FASTEST_PLUGIN.get(syntax, "")
        available = get_decoder(syntax).available_plugins if syntax.is_compressed else ()
        pixels = pixel_array(dataset, decoding_plugin=plugin if plugin in available else "")
    except (RuntimeError, ValueError, AttributeError, TypeError, KeyError, EOFError) as error:
        if syntax.is_compressed:
            reason = f"{syntax.name} cannot be decoded here, or the stream is damaged or not of the size it claims."
            raise InputRefusedError("E_COMPRESSION", reason) from error
        raise InputRefusedError("E_TRUNCATED", "Pixel Data is shorter than the image it describes.") from error
    return pixels.reshape(dataset.Rows, dataset.Columns)


def check_pixel_description(dataset: Dataset) -> None:
    """Refuse a description that no single grey image has, before any memory is given to it.

    Raises:
        InputRefusedError: ``E_NO_PIXELS``, ``E_MULTIFRAME``, ``E_COLOUR``, ``E_SIZE``, ``E_BITS``.
    """
    frames = dataset.get("NumberOfFrames") or 1
    rows, columns = dataset.get("Rows") or 0, dataset.get("Columns") or 0
    bits = dataset.get("BitsAllocated"), dataset.get("BitsStored") or 0
    if frames != 1:
        raise InputRefusedError("E_MULTIFRAME", f"the file says {frames} frames; a mammogram has one.")
    if dataset.get("SamplesPerPixel", 1) != 1 or dataset.get("PhotometricInterpretation") not in (
        "MONOCHROME1",
        "MONOCHROME2",
    ):
        raise InputRefusedError("E_COLOUR", "the image is not MONOCHROME1 or MONOCHROME2; mammograms are grey.")
    if not 0 < rows * columns <= MAX_PIXELS:
        raise InputRefusedError("E_SIZE", f"the image is {rows} x {columns}; 1 to {MAX_PIXELS} pixels are read.")
    if "PixelData" not in dataset:
        raise InputRefusedError("E_NO_PIXELS", "there is no integer Pixel Data in the file.")
    if bits[0] not in (8, 16) or not 0 < bits[1] <= bits[0] or dataset.get("PixelRepresentation", 0) != 0:
        raise InputRefusedError(
            "E_BITS", f"{bits[1]} of {bits[0]} bits, or signed: pixels must be unsigned, in 8 or 16 bits."
        )


def grey_table(dataset: Dataset, voi: str | int) -> np.ndarray:
    """Grey value of each stored value: float32 ``(2 ** BitsStored,)``, dense tissue high, padding lowest.

    All steps run on this small table instead of on millions of pixels.

    Raises:
        InputRefusedError: ``E_RESCALE`` or ``E_VOI``.
    """
    stored = np.arange(2**dataset.BitsStored, dtype=np.uint16)
    table = _apply_modality(stored, dataset)
    table = _apply_voi(table, dataset, voi).astype(np.float32)
    low, high = table.min(), table.max()
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2: the lowest value is white
        table = low + high - table
    if "PixelPaddingValue" in dataset:  # PS3.3 C.7.5.1.1.2, in stored values
        first, last = sorted(
            int(dataset[name].value) % 2**16
            for name in (
                "PixelPaddingValue",
                "PixelPaddingRangeLimit" if "PixelPaddingRangeLimit" in dataset else "PixelPaddingValue",
            )
        )
        table[first : last + 1] = low
    return table


def laterality(dataset: Dataset) -> str | None:
    """``"L"`` or ``"R"`` from Image Laterality, else from Laterality of the series, else None."""
    named = dataset.get("ImageLaterality") or dataset.get("Laterality")
    return named if named in ("L", "R") else None


def view(dataset: Dataset) -> str | None:
    """Short name of the view from View Code Sequence, else from View Position, else None; never a guess."""
    for item in dataset.get("ViewCodeSequence") or []:
        if item.get("CodeValue") in VIEWS:
            return VIEWS[item.CodeValue]
    named = str(dataset.get("ViewPosition") or "").strip().upper()
    return named if named in VIEWS.values() else None


def pixel_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Spacing ``(row, column)`` in mm and the attribute it came from.

    Pixel Spacing counts only when it says how it was calibrated (PS3.3 10.7.1.3). Imager Pixel Spacing is that of the
    detector, Nominal Scanned Pixel Spacing that of the film; the breast is smaller by the magnification.
    """
    names = ["ImagerPixelSpacing", "NominalScannedPixelSpacing"]
    if dataset.get("PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL"):
        names.insert(0, "PixelSpacing")
    for name in names:
        value = dataset.get(name)
        if value and len(value) == 2 and all(math.isfinite(size) and size > 0 for size in value):
            return (float(value[0]), float(value[1])), name
    return None, None


def _apply_modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    try:
        slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    except (TypeError, ValueError):
        slope = intercept = math.nan
    if slope == 0 or not math.isfinite(slope * intercept):
        raise InputRefusedError("E_RESCALE", "Rescale Slope or Intercept is zero or not a number.")
    return apply_modality_lut(stored, dataset)


def _apply_voi(values: np.ndarray, dataset: Dataset, voi: str | int) -> np.ndarray:
    """Apply one of the file's own VOI items; windows of no width are left out, as no rule gives them a meaning."""
    if voi == "none":
        return values
    widths = _numbers(dataset, "WindowWidth")
    least = 1 if dataset.get("VOILUTFunction", "LINEAR") == "LINEAR" else 0  # PS3.3 C.11.2.1.2
    items = [(apply_voi, index) for index in range(len(dataset.get("VOILUTSequence") or []))]
    items += [(apply_windowing, index) for index, width in enumerate(widths) if width > least or width == least == 1]
    if len([width for width in widths if width < least or width == 0]):
        logger.warning("a window without width was left out")
    index = 0 if voi == "first" else int(voi)
    if voi == "first" and not items:
        return values
    if not -len(items) <= index < len(items):
        raise InputRefusedError("E_VOI", f"VOI item {index} was asked for, the file has {len(items)}.")
    function, position = items[index]
    return function(values, dataset, position)


def _look_up(table: np.ndarray, stored: np.ndarray) -> np.ndarray:
    pixels = np.empty(stored.shape, np.float32)
    for start in range(0, len(stored), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        np.take(table, stored[rows], out=pixels[rows], mode="clip")
    return pixels


def _numbers(dataset: Dataset, name: str) -> list[float]:
    value = dataset.get(name)
    if value is None:
        return []
    return [float(number) for number in (value if isinstance(value, pydicom.multival.MultiValue) else [value])]


def _positive(dataset: Dataset, name: str) -> float | None:
    numbers = _numbers(dataset, name)
    return numbers[0] if numbers and math.isfinite(numbers[0]) and numbers[0] > 0 else None
