"""What the network sees of prompts: channels beside the mammogram, drawn on the network's grid."""

import cv2
import numpy as np

from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.view import CropView

CHANNELS = ("mammogram", "inside", "outside", "box", "mask so far")
"""What each channel of the network's input is."""

RADIUS = 3
"""Of the disc that stands for a click, and half the width of a stroke, in pixels of the network's grid."""

DARKEST, BRIGHTEST = 2.0, 98.0
"""Percentiles of what a view shows that become 0 and 1."""

PART = 8
"""Bits behind the point of the coordinates that OpenCV draws with."""


def standardise(shown: np.ndarray) -> np.ndarray:
    """Grey values of a view ``(grid, grid)`` on a scale of 0 to 1 of its own, float32, cut half a range outside."""
    low, high = np.percentile(shown[::2, ::2], (DARKEST, BRIGHTEST))
    return np.clip((shown - low) / max(float(high - low), 1e-6), -0.5, 1.5).astype(np.float32)


def build_network_input(unit: np.ndarray, prompts: Prompts, view: CropView) -> np.ndarray:
    """Mammogram and guidance of a view.

    Args:
        unit: (grid, grid), of `standardise`.
        prompts: what was said, in pixels of the whole image.

    Returns:
        (channels, grid, grid) float32 as `CHANNELS` names them; the mammogram about -2 to 2, the guidance 0 to 1.
    """
    channels = np.zeros((len(CHANNELS), view.grid, view.grid), np.float32)
    channels[0] = 4 * (unit - 0.5)
    for channel, clicks, strokes in (
        (channels[1], prompts.foreground, prompts.inside),
        (channels[2], prompts.background, prompts.outside),
    ):
        for point in _to_fixed_point(view.to_grid(clicks)):
            cv2.circle(channel, point.tolist(), RADIUS << PART, (1.0,), cv2.FILLED, shift=PART)
        for stroke in strokes:
            cv2.polylines(channel, [_to_fixed_point(view.to_grid(stroke))], False, (1.0,), 2 * RADIUS, shift=PART)
    if prompts.box:
        top, left, bottom, right = prompts.box
        corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left]]) - 0.5
        cv2.fillConvexPoly(channels[3], _to_fixed_point(view.to_grid(corners)), (1.0,), shift=PART)
    if prompts.mask is not None:
        channels[4] = view.cut(prompts.mask.astype(np.float32))
    return channels


def _to_fixed_point(places: np.ndarray) -> np.ndarray:
    """(N, 2) places in the grid as OpenCV's x and y, in whole parts of a pixel."""
    return np.rint(np.clip(places[:, ::-1], -4096, 4096) * (1 << PART)).astype(np.int32)
