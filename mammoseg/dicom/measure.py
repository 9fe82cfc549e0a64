"""What is measured of a lesion: area, long and short axis, centre and outline.

A lesion is the area that its pixels cover, edges included: one pixel is 1 x 1, and a rectangle of 4 x 15 pixels has the
long axis ``sqrt(4**2 + 15**2)``. Positions are those of PS3.3 C.10.5.1.2 and C.18.6.1: (column, row), 0\\0 the top left
corner of the image, so that the first pixel has its centre at 0.5\\0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pydicom import Dataset
from skimage.measure import find_contours

from mammoseg.dicom.attributes import read_magnification, read_pixel_spacing

BEHIND_THE_BREAST = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Spacings in the plane of detector or film, where the breast is magnified; a calibrated PixelSpacing is in it."""

MOST_POINTS = 1000
"""Of one outline, evenly taken from those that there are. Graphic Data is FL, whose length field ends at 8,191 points
(PS3.5 7.1.2)."""


@dataclass(frozen=True)
class Scale:
    """Size of a pixel in the breast, and how it was come by.

    Attributes:
        row_mm: distance of the centres of two rows.
        column_mm: distance of the centres of two columns.
        source: attribute that gave the spacing.
        magnification: factor by which that spacing was divided, None where none was.
    """

    row_mm: float
    column_mm: float
    source: str
    magnification: float | None = None

    def __str__(self) -> str:
        size = f"Pixel size {self.row_mm:.4g} x {self.column_mm:.4g} mm (row x column) from {self.source}"
        if self.magnification is not None:
            return f"{size}, divided by EstimatedRadiographicMagnificationFactor {self.magnification:g}"
        if self.source in BEHIND_THE_BREAST:
            return f"{size}, not divided by a magnification, which the image does not state"
        return size


@dataclass(frozen=True)
class Measurement:
    """What is measured of one lesion.

    Attributes:
        pixels: number of pixels of the lesion.
        area: area of the lesion in `unit` squared; in pixels it equals `pixels`.
        long_axis: largest distance of two points of the lesion, in `unit`.
        short_axis: longest chord of the convex hull perpendicular to the long axis, in `unit`; as RECIST 1.1 measures
            it (Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026).
        unit: ``"mm"`` in the breast, or ``"pixel"`` where the image has no honest spacing.
        centre: (column, row), mean of the pixels.
    """

    pixels: int
    area: float
    long_axis: float
    short_axis: float
    unit: str
    centre: tuple[float, float]


def read_scale(source: Dataset) -> Scale | None:
    """Scale that the header of a mammogram gives, None where it gives none honestly."""
    spacing, attribute = read_pixel_spacing(source)
    return compute_scale_in_breast(spacing, attribute, read_magnification(source))


def compute_scale_in_breast(
    spacing_mm: tuple[float, float] | None, source: str | None, magnification: float | None
) -> Scale | None:
    """Scale from a spacing ``(row, column)``: that of detector or film is divided by the magnification, if known.

    PS3.3 C.8.11.7: Estimated Radiographic Magnification Factor; `mammoseg.dicom.attributes` says what is honest.
    """
    if spacing_mm is None:
        return None
    applied = magnification if source in BEHIND_THE_BREAST else None
    row_mm, column_mm = (side / (applied or 1.0) for side in spacing_mm)
    return Scale(row_mm, column_mm, source or "an unnamed attribute", applied)


def compute_area(lesions: Sequence[np.ndarray], scale: Scale) -> float:
    """Area of all lesions together in the breast.

    Args:
        lesions: masks ``(rows, columns)`` of one grid.
        scale: size of a pixel in the breast, in mm.
    """
    return sum(int(np.count_nonzero(lesion)) for lesion in lesions) * scale.row_mm * scale.column_mm


def measure(lesion: np.ndarray, scale: Scale | None) -> Measurement:
    """Measure one lesion.

    Args:
        lesion: bool ``(rows, columns)``, at least one pixel.
        scale: None measures in pixels.
    """
    window = find_bounding_window(lesion)
    crop = lesion[window]
    row_size, column_size = (1.0, 1.0) if scale is None else (scale.row_mm, scale.column_mm)
    hull = cv2.convexHull(_find_corners(crop).astype(np.int32))[:, 0]
    long_axis, short_axis = _measure_axes(hull * (column_size, row_size))
    rows, columns = np.nonzero(crop)
    return Measurement(
        pixels=len(rows),
        area=len(rows) * row_size * column_size,
        long_axis=long_axis,
        short_axis=short_axis,
        unit="pixel" if scale is None else "mm",
        centre=(window[1].start + float(columns.mean()) + 0.5, window[0].start + float(rows.mean()) + 0.5),
    )


def outline(lesion: np.ndarray) -> list[np.ndarray]:
    """Closed polygons around a lesion and around its holes, the largest first.

    Lines run half way between pixels inside and outside (marching squares); pixels that touch by a corner are inside
    one line.

    Args:
        lesion: bool ``(rows, columns)``, at least one pixel.

    Returns:
        float64 ``(points, 2)`` each, columns before rows, first point repeated at the end, at most `MOST_POINTS`.
    """
    window = find_bounding_window(lesion)
    padded = np.pad(lesion[window], 1)
    contours = find_contours(padded.astype(np.uint8), 0.5, fully_connected="high")
    first_pixel = np.array([window[1].start, window[0].start]) + 0.5
    polygons = [_thin(contour[:, ::-1] - 1 + first_pixel) for contour in contours]
    return sorted(polygons, key=_compute_enclosed_area, reverse=True)


def find_bounding_window(lesion: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask; empty ones where it is empty.

    Args:
        lesion: bool or uint8 ``(rows, columns)``.
    """
    column, row, width, height = cv2.boundingRect(np.ascontiguousarray(lesion).view(np.uint8))
    return slice(row, row + height), slice(column, column + width)


def _find_corners(crop: np.ndarray) -> np.ndarray:
    """Outer corners of the first and the last pixel of each row, (column, row): the convex hull has no others."""
    rows = np.flatnonzero(crop.any(axis=1))
    first = crop[rows].argmax(axis=1)
    behind_last = crop.shape[1] - crop[rows, ::-1].argmax(axis=1)
    return np.concatenate(
        [np.stack([column, row], axis=1) for row in (rows, rows + 1) for column in (first, behind_last)]
    )


def _measure_axes(hull: np.ndarray) -> tuple[float, float]:
    """Long and short axis of a convex polygon ``(n, 2)``."""
    distances = np.linalg.norm(hull[:, None] - hull, axis=2)
    start, end = np.unravel_index(distances.argmax(), distances.shape)
    along = (hull[end] - hull[start]) / distances[start, end]
    across = np.array([-along[1], along[0]])
    x, y = (hull - hull[start]) @ along, (hull - hull[start]) @ across
    y[[start, end]] = 0  # exactly, so that both ends of the long axis are part of the upper and the lower chain
    upper, lower = y >= 0, y <= 0
    widths = _interpolate(x, x[upper], y[upper]) - _interpolate(x, x[lower], y[lower])
    return float(distances[start, end]), float(widths.max())


def _interpolate(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    order = np.argsort(x, kind="stable")
    return np.interp(at, x[order], y[order])


def _thin(polygon: np.ndarray) -> np.ndarray:
    kept = np.linspace(0, len(polygon) - 1, min(len(polygon), MOST_POINTS)).round().astype(int)
    return polygon[kept]


def _compute_enclosed_area(polygon: np.ndarray) -> float:
    """Shoelace formula."""
    x, y = polygon.T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2
