"""Picture of a mammogram with its masses outlined."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mammoseg.files import atomic_path

LONGEST_SIDE = 1024
"""Largest width or height of an overlay in pixels: enough to judge an outline, small enough for a page of hundreds."""

MOST_ENLARGED = 3.0
"""Times that a small image is enlarged at most, so that the line stays thin beside what it outlines."""

WARNING = "AI, not for diagnosis"
"""Stands in every overlay, since a picture is soon parted from its page."""

OUTLINE_BGR = (0, 215, 255)
"""Amber: seen on grey of any brightness, by colour-blind readers too."""

FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_overlay(
    pixels: np.ndarray,
    lesions: Sequence[np.ndarray],
    *,
    scores: Sequence[float] | None = None,
    sentence: str = WARNING,
    longest_side: int = LONGEST_SIDE,
    black_and_white: tuple[float, float] | None = None,
) -> np.ndarray:
    """Draw the outline and name of each lesion on the mammogram, over a strip with a sentence or two.

    Args:
        pixels: ``(rows, columns)``, dense tissue bright.
        lesions: bool ``(rows, columns)`` each.
        scores: score of each lesion, 0 to 1, written behind its name; None writes none.
        sentence: what stands in the strip, a line each.
        longest_side: largest width or height of the result; lines and letters grow with it.
        black_and_white: values of `pixels` that are shown so; None takes those that show most.

    Returns:
        uint8 ``(height, width, 3)``, blue green red.
    """
    rows, columns = pixels.shape
    pen = longest_side / LONGEST_SIDE
    lines, line_height = sentence.split("\n"), longest_side // 32
    scale = min(MOST_ENLARGED, (longest_side - line_height * len(lines)) / rows, longest_side / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, size, interpolation=interpolation)
    picture = cv2.cvtColor(_to_grey(resized, black_and_white), cv2.COLOR_GRAY2BGR)
    for number, lesion in enumerate(lesions, start=1):
        score = "" if scores is None else f": {format_score(scores[number - 1])}"
        _outline(picture, lesion, f"{name_lesion(number)}{score}", pen)
    return np.vstack([picture, *(_draw_strip(line, (line_height, size[0]), pen) for line in lines)])


def write_picture(picture: np.ndarray, path: Path) -> None:
    """Write a PNG, whole or not at all.

    Args:
        picture: uint8 or uint16, ``(rows, columns)`` or, blue first, ``(rows, columns, 3)``.
        path: picture file to write.

    Raises:
        OSError: when it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(encode_picture(picture))


def encode_picture(picture: np.ndarray) -> bytes:
    """The bytes of the file that `write_picture` writes.

    Args:
        picture: uint8 or uint16, ``(rows, columns)`` or, blue first, ``(rows, columns, 3)``.
    """
    return cv2.imencode(".png", picture)[1].tobytes()


def _to_grey(pixels: np.ndarray, black_and_white: tuple[float, float] | None) -> np.ndarray:
    """Stretch to uint8; by itself, the brightest thousandth, markers and clips among it, may saturate."""
    low, high = black_and_white or (pixels.min(), np.percentile(pixels, 99.9))
    return (np.clip((pixels - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)


def _outline(picture: np.ndarray, lesion: np.ndarray, name: str, pen: float) -> None:
    """Trace at full size and then shrink the line, so that no lesion is too small to be drawn."""
    contours, _ = cv2.findContours(lesion.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    scale = picture.shape[1] / lesion.shape[1], picture.shape[0] / lesion.shape[0]
    lines = [np.round((contour + 0.5) * scale - 0.5).astype(np.int32) for contour in contours]
    x, y, width, _ = cv2.boundingRect(np.concatenate(lines))
    margin = round(16 * pen)
    (full_width, _), _ = cv2.getTextSize(name, FONT, 1.0, 1)
    size = min(0.6 * pen, picture.shape[1] / 3 / full_width)
    right, left = x + width + margin // 4, x - margin // 4 - round(full_width * size)
    corner = right if right + full_width * size <= picture.shape[1] else max(left, 0), max(y, margin)
    for colour, thickness in (((0, 0, 0), round(4 * pen)), (OUTLINE_BGR, round(2 * pen))):  # a rim for white ground
        cv2.polylines(picture, lines, isClosed=True, color=colour, thickness=thickness, lineType=cv2.LINE_AA)
        cv2.putText(picture, name, corner, FONT, size, colour, thickness, cv2.LINE_AA)


def _draw_strip(text: str, shape: tuple[int, int], pen: float) -> np.ndarray:
    """One line of text on black ``(height, width, 3)``, smaller where the picture is narrow."""
    strip = np.zeros((*shape, 3), np.uint8)
    (width, height), _ = cv2.getTextSize(text, FONT, 1.0, 1)
    scale = min(0.6 * pen, (strip.shape[1] - 8) / width)
    baseline = round((strip.shape[0] + height * scale) / 2)
    cv2.putText(strip, text, (4, baseline), FONT, scale, OUTLINE_BGR, round(pen), cv2.LINE_AA)
    return strip


def name_lesion(number: int) -> str:
    """What a lesion is called in every object, picture and table; `number` from 1, largest first."""
    return f"Mass {number}"


def format_score(score: float) -> str:
    """A score 0 to 1 with two digits, in pictures and tables."""
    return f"{score:.2f}"
