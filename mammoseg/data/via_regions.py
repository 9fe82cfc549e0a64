"""Regions as the VGG Image Annotator (VIA) exports them to CSV: one line a region, its shape as JSON in a cell."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from skimage.draw import ellipse

from mammoseg.border import refused_as
from mammoseg.data.outlines import fill_polygon

LARGEST = 1e6
"""Coordinate or radius, in pixels, beyond which nobody drew."""


def fill_region(cell: str, shape: tuple[int, int]) -> np.ndarray | None:
    """The region in a cell ``region_shape_attributes``: mask uint8 0 / 1; None for a point or an empty cell.

    A polyline is closed. Angles of ellipses are in radians, from the x axis towards the y axis.

    Args:
        shape: rows and columns of the image.
    Raises:
        InputRefusedError: ``E_REGION``, it is no shape of VIA's, or ``E_CONTOURS`` for one of too many points.
    """
    with refused_as("E_REGION", "a region in the table is no shape of VIA's; fetch the table again."):
        region = json.loads(cell) if cell.strip() else {}
        return _fill(region, shape)


def _fill(region: Mapping[str, Any], shape: tuple[int, int]) -> np.ndarray | None:
    if not region or region["name"] == "point":
        return None
    match region["name"]:
        case "polygon" | "polyline":
            points = np.array([region["all_points_x"], region["all_points_y"]], float).T
            if points.ndim != 2 or not (np.abs(points) < LARGEST).all():
                raise ValueError("no points")
            return fill_polygon(points, shape)
        case "rect":
            x, y, width, height = _read_numbers(region, "x", "y", "width", "height")
            return fill_polygon(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), shape)
        case "circle":
            x, y, radius = _read_numbers(region, "cx", "cy", "r")
            return _fill_ellipse(x, y, radius, radius, 0.0, shape)
        case "ellipse":
            x, y, along, across = _read_numbers(region, "cx", "cy", "rx", "ry")
            return _fill_ellipse(x, y, along, across, float(region.get("theta", 0)), shape)
        case _:
            raise ValueError("unknown shape")


def _fill_ellipse(x: float, y: float, along: float, across: float, theta: float, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    turned = -math.remainder(theta, 2 * math.pi)  # rows run downwards, so that scikit-image turns the other way
    mask[ellipse(y, x, across, along, shape=shape, rotation=turned)] = 1
    return mask


def _read_numbers(region: Mapping[str, Any], *names: str) -> list[float]:
    numbers = [float(region[name]) for name in names]
    if not all(abs(number) < LARGEST for number in numbers):
        raise ValueError("a number too large")
    return numbers
