"""What the header of a mammogram says about it: side, view, spacing. Nothing is guessed."""

import math

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

VIEWS = {
    "R-10224": "ML", "399260004": "ML",
    "R-10226": "MLO", "399368009": "MLO",
    "R-10228": "LM", "399352003": "LM",
    "R-10230": "LMO", "399099002": "LMO",
    "R-10242": "CC", "399162004": "CC",
    "R-10244": "FB", "399196006": "FB",
    "R-102D0": "SIO", "399188001": "SIO",
    "R-40AAA": "ISO", "441555000": "ISO",
    "R-1024A": "XCCL", "399192008": "XCCL",
    "R-1024B": "XCCM", "399101009": "XCCM",
}  # fmt: skip
"""View code, SNOMED RT and CT, to the short name of ACR; PS3.16 CID 4014."""

MAGNIFICATION_VIEW = ("R-102D6", "399163009")
"""View modifier "Magnification", SNOMED RT and CT; PS3.16 CID 4015."""


def laterality(dataset: Dataset) -> str | None:
    """``"L"`` or ``"R"`` from Image Laterality, else from Laterality of the series, else None."""
    named = dataset.get("ImageLaterality") or dataset.get("Laterality")
    return named if named in ("L", "R") else None


def view(dataset: Dataset) -> str | None:
    """Short name of the view from View Code Sequence, else from View Position, else None."""
    for item in dataset.get("ViewCodeSequence") or []:
        if item.get("CodeValue") in VIEWS:
            return VIEWS[item.CodeValue]
    named = str(dataset.get("ViewPosition") or "").strip().upper()
    return named if named in VIEWS.values() else None


def pixel_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Spacing ``(row, column)`` in mm and the attribute it came from.

    Pixel Spacing counts only where the file says how it was calibrated (PS3.3 10.7.1.3). Imager Pixel Spacing is that
    of the detector, Nominal Scanned Pixel Spacing that of the film: the breast is nearer to the tube, see
    `magnification`. A magnification view that does not state its factor gives neither: sizes would be wrong by half.
    """
    is_of_unknown_size = is_magnification_view(dataset) and magnification(dataset) is None
    names = [] if is_of_unknown_size else ["ImagerPixelSpacing", "NominalScannedPixelSpacing"]
    if dataset.get("PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL"):
        names.insert(0, "PixelSpacing")
    for name in names:
        match numbers(dataset, name):
            case [rows, columns] if 0 < rows < math.inf and 0 < columns < math.inf:
                return (rows, columns), name
    return None, None


def is_magnification_view(dataset: Dataset) -> bool:
    """True where a view modifier says that the breast was held away from the detector on purpose."""
    views = dataset.get("ViewCodeSequence") or []
    modifiers = [modifier for item in views for modifier in item.get("ViewModifierCodeSequence") or []]
    return any(modifier.get("CodeValue") in MAGNIFICATION_VIEW for modifier in modifiers)


def magnification(dataset: Dataset) -> float | None:
    """Estimated Radiographic Magnification Factor, where it is a positive number."""
    match numbers(dataset, "EstimatedRadiographicMagnificationFactor"):
        case [factor] if 0 < factor < math.inf:
            return factor
    return None


def numbers(dataset: Dataset, name: str) -> list[float]:
    """The numbers of an attribute, none where it is absent, empty or holds something else."""
    try:
        value = dataset.get(name)
        return [float(number) for number in (value if isinstance(value, MultiValue | list) else [value])]
    except (TypeError, ValueError):
        return []
