"""Grey-value functions that a person gives in place of a file's own: a window, or a curve through points.

As text, ``window CENTRE WIDTH`` or ``curve VALUE GREY VALUE GREY ...``, they are a setting of a preprocessing, so
weights carry them. Values are those that the modality LUT gives; only the ratio of greys counts.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mammoseg.dicom.window import LEAST_WIDTH, Window
from mammoseg.errors import WrongCallError, say_reason
from mammoseg.files import as_printable
from mammoseg.folders import is_file

MOST_POINTS = 128
"""Of a curve."""

MOST_BYTES = 2**16
"""Of a file of points."""

NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"

OWN_VOI = re.compile(rf"window {NUMBER} {NUMBER}|curve(?: {NUMBER} {NUMBER}){{2,{MOST_POINTS}}}")


class Curve(NamedTuple):
    """Points with straight lines between them; beyond the ends the grey values of the ends.

    Attributes:
        values: ascending, in the unit of what the modality LUT gives.
        greys: grey value of each of them, in any unit.
    """

    values: tuple[float, ...]
    greys: tuple[float, ...]

    def compute_fraction(self, values: np.ndarray) -> np.ndarray:
        """Where in the output range each value comes to lie, 0 to 1: from the darkest of its points to the brightest.

        Args:
            values: what the modality LUT gives, of any shape.
        """
        low, high = min(self.greys), max(self.greys)
        return (np.interp(values, self.values, self.greys) - low) / (high - low)


def is_own_voi(voi: object) -> bool:
    """Whether it is the text of a function of somebody's own, not one of a file."""
    return isinstance(voi, str) and OWN_VOI.fullmatch(voi) is not None


def parse_own_voi(voi: str) -> Window | Curve:
    """Make a function of its text.

    Raises:
        WrongCallError: it is no such text, a window is narrower than the least of LINEAR, or the values of a curve do
            not rise or its greys are all the same.

    Examples:
        >>> from mammoseg.dicom.own_voi import parse_own_voi
        >>> parse_own_voi("curve 0 0 1000 10 4000 100").compute_fraction([0, 500, 1000, 5000]).round(2).tolist()
        [0.0, 0.05, 0.1, 1.0]
    """
    if not is_own_voi(voi):
        raise WrongCallError(
            f"voi is '{as_printable(voi)[:200]}'; give 'first', 'none' or an index, or 'window CENTRE WIDTH', or "
            "'curve VALUE GREY VALUE GREY ...'."
        )
    kind, *numbers = voi.split()
    if kind == "window":
        return _build_window(*map(float, numbers))
    values, greys = (tuple(map(float, part)) for part in (numbers[::2], numbers[1::2]))
    if not (np.diff(values) > 0).all():
        raise WrongCallError("the values of a curve must rise from point to point; sort them and take doubles out.")
    if len(set(greys)) == 1:
        raise WrongCallError("all points of a curve have one grey value, so nothing could be told apart; give others.")
    return Curve(values, greys)


def read_own_voi(given: str) -> str:
    """The text of a function out of what a command line gives: ``CENTRE,WIDTH``, or a file with a point a line.

    Args:
        given: two numbers with a comma, or the path of a text file with two numbers a line (a comma, semicolon or space
            between them): value, grey. Empty lines, and what follows a ``#``, are passed over.

    Raises:
        WrongCallError: it is neither, or the function has no meaning, see `parse_own_voi`.
    """
    if found := re.fullmatch(rf"({NUMBER}),({NUMBER})", given):
        voi = f"window {found[1]} {found[2]}"
    else:
        voi = "curve " + " ".join(_read_points(Path(given)))
    parse_own_voi(voi)
    return voi


def _build_window(centre: float, width: float) -> Window:
    if width < LEAST_WIDTH["LINEAR"]:
        raise WrongCallError(f"a window of width {width:g} shows nothing; give one of at least 1.")
    return Window(centre, width, "LINEAR")


def _read_points(path: Path) -> list[str]:
    """Numbers of the file, in its order; each line is one point."""
    shown = as_printable(path)
    if not path.exists():
        raise WrongCallError(
            f"'{shown}' is neither CENTRE,WIDTH nor a file; give --window=2047,4095 or a file of points."
        )
    if not is_file(path) or path.stat().st_size > MOST_BYTES:
        raise WrongCallError(
            f"{shown} is no file of at most {MOST_BYTES >> 10} KiB; write one point a line, value,grey."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongCallError(f"{shown} cannot be read ({say_reason(error)}); name a file of points.") from error
    except UnicodeDecodeError as error:
        raise WrongCallError(f"{shown} is no text in UTF-8; write one point a line, value,grey.") from error
    lines = {number: line.partition("#")[0].strip() for number, line in enumerate(text.splitlines(), start=1)}
    points = {number: re.split(r"[\s,;]+", line) for number, line in lines.items() if line}
    for number, point in points.items():
        if len(point) != 2 or not all(re.fullmatch(NUMBER, word) for word in point):
            raise WrongCallError(
                f"line {number} of {shown} is no point; write two numbers, value,grey, such as 2047,128."
            )
    if not 2 <= len(points) <= MOST_POINTS:
        raise WrongCallError(
            f"{shown} has {len(points)} points; a curve has 2 to {MOST_POINTS}, lines lie between them."
        )
    return [word for point in points.values() for word in point]
