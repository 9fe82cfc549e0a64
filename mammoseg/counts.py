"""Counts and numbers as all messages and pages write them."""

import math

PLURALS = {"batch": "batches", "box": "boxes", "mass": "masses", "study": "studies"}
"""Of the nouns that want more than an ``s``."""


def format_count(number: float, thing: str) -> str:
    """``1 file``, ``2 files``, ``0.5 files``, ``0 studies``: a number before the noun as it wants it."""
    return f"1 {thing}" if number == 1 else f"{number} {PLURALS.get(thing, f'{thing}s')}"


def format_number(value: float | None) -> str:
    """Three decimals below 1, three figures below 100, whole numbers above; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    size = abs(value)
    value = value or 0.0  # no -0
    if 0 < size < 0.001:
        return f"{value:.1e}"
    return f"{value:.3f}" if 0 < size < 1 else f"{value:.3g}" if size < 100 else f"{value:.0f}"
