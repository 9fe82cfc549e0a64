"""Grey values by PS3.3 C.11 and C.7.5.1.1.2, pixel by pixel, plainly and slowly: what `mammoseg.dicom.grey` is held to.

It shares no line with the package and knows no DICOM files, only what their attributes mean.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Lut:
    """A look-up table: first input value mapped, entries, bits an entry (C.11.1.1, C.11.2.1.1)."""

    first: int
    entries: list[int]
    bits: int

    def __call__(self, value: float) -> int:
        position = round(value) - self.first  # a table has whole numbers for input
        if position < 0:
            return self.entries[0]
        if position >= len(self.entries):
            return self.entries[-1]
        return self.entries[position]


@dataclass(frozen=True)
class Window:
    """Window Center, Window Width and VOI LUT Function (C.11.2.1.2, C.11.2.1.3)."""

    c: float
    w: float
    function: str

    def __call__(self, x: float, ymin: float, ymax: float) -> float:
        c, w = self.c, self.w
        match self.function:
            case "LINEAR":
                if x <= c - 0.5 - (w - 1) / 2:
                    return ymin
                if x > c - 0.5 + (w - 1) / 2:
                    return ymax
                return ((x - (c - 0.5)) / (w - 1) + 0.5) * (ymax - ymin) + ymin
            case "LINEAR_EXACT":
                if x <= c - w / 2:
                    return ymin
                if x > c + w / 2:
                    return ymax
                return ((x - c) / w + 0.5) * (ymax - ymin) + ymin
            case "SIGMOID":
                exponent = min(700.0, -4 * (x - c) / w)  # beyond that exp is infinite
                return (ymax - ymin) / (1 + math.exp(exponent)) + ymin
        raise ValueError(self.function)


@dataclass(frozen=True)
class Rules:
    """What the header says of grey values.

    Attributes:
        bits: Bits Stored; pixels are unsigned.
        slope, intercept: Rescale Slope and Intercept, without effect beside `modality`.
        modality: Modality LUT.
        voi: VOI LUT or window.
        is_inverse: MONOCHROME1.
        padding: Pixel Padding Value and Range Limit, in any order.
    """

    bits: int
    slope: float = 1
    intercept: float = 0
    modality: Lut | None = None
    voi: Lut | Window | None = None
    is_inverse: bool = False
    padding: tuple[int, int] | None = None

    def greys(self, pixels: list[int]) -> list[float]:
        """Grey value of each pixel, dense tissue high; padding has the lowest that the rules can give."""
        all_values = [self._seen(stored) for stored in range(2**self.bits)]
        low, high = min(all_values), max(all_values)
        greys = []
        for stored in pixels:
            if self.padding and min(self.padding) <= stored <= max(self.padding):
                greys.append(low)
            else:
                grey = self._seen(stored)
                greys.append(low + high - grey if self.is_inverse else grey)
        return greys

    def _seen(self, stored: int) -> float:
        """Value behind the VOI: a window fills the range of the values before it, from their least to their largest."""
        value = self._modality(stored)
        if isinstance(self.voi, Window):
            ends = [0, 2**self.modality.bits - 1] if self.modality else map(self._modality, (0, 2**self.bits - 1))
            ymin, ymax = sorted(ends)
            return self.voi(value, ymin, ymax)
        return value if self.voi is None else self.voi(value)

    def _modality(self, stored: int) -> float:
        return self.modality(stored) if self.modality else stored * self.slope + self.intercept
