"""How runs fare on parts of the images: by what the datalist says of them, and by the size of the mass."""

import math
from collections.abc import Iterator

import numpy as np

from mammoseg.evaluation.pairs import Aligned, compare_pairs
from mammoseg.evaluation.statistics import adjust_by_holm, bootstrap_mean_intervals
from mammoseg.evaluation.tables import ScoreRow

FIELDS = {
    "subtlety": "subtlety",
    "birads": "BI-RADS",
    "shape": "shape",
    "margin": "margin",
    "pathology": "pathology",
    "density": "density",
    "view": "view",
    "laterality": "side",
    "vendor": "vendor",
}
"""Columns of ``per_image.csv`` that make subgroups, and what a table calls them."""

SIZE = "size quartile"
"""Subgroups by the pixels of the truth on the grid."""


def list_subgroups(aligned: Aligned) -> Iterator[tuple[str, str, np.ndarray]]:
    """Field, level, and bool ``(images,)``; images of which a field says nothing are in none of its levels.

    A field of one level is no subgroup. Quartiles are those of the images with a mass.
    """
    for column, field in FIELDS.items():
        of_images = [row.get(column) for row in aligned.rows]
        levels = sorted({value for value in of_images if value is not None})
        if len(levels) > 1:
            for level in levels:
                yield field, str(level), np.array([value == level for value in of_images])
    sizes = np.array([row.get("truth_px") or math.nan for row in aligned.rows], float)
    if len(np.unique(sizes[~np.isnan(sizes)])) >= 4:
        ends = np.nanquantile(sizes, [0.25, 0.5, 0.75])
        quartile = np.where(np.isnan(sizes), -1, np.searchsorted(ends, sizes, side="left"))
        for number in range(4):
            inside = quartile == number
            low, high = sizes[inside].min(), sizes[inside].max()
            yield SIZE, f"{number + 1} ({low:.0f} to {high:.0f} px)", inside


def describe_subgroups(aligned: Aligned, *, score: str = "dice") -> list[ScoreRow]:
    """Mean of a score with its bootstrap interval, for each subgroup and run; images without the score are left out."""
    described: list[ScoreRow] = []
    for field, level, images in list_subgroups(aligned):
        values = aligned.get_values(score)[:, images]
        patients = [patient for patient, is_in in zip(aligned.patients, images, strict=True) if is_in]
        intervals = bootstrap_mean_intervals(values.T, patients).tolist()
        for run, of_run, (low, high) in zip(aligned.runs, values, intervals, strict=True):
            known = of_run[~np.isnan(of_run)]
            if len(known):
                described.append(
                    {"field": field, "level": level, "run": run, "metric": score, "grid": aligned.grid}
                    | {"images": len(known), "mean": float(known.mean()), "mean_low": low, "mean_high": high}
                )
    return described


def compare_in_subgroups(aligned: Aligned, *, score: str = "dice") -> list[ScoreRow]:
    """`compare_pairs` in every subgroup; ``p_holm`` allows for all pairs and levels of one field."""
    by_field: dict[str, list[ScoreRow]] = {}
    for field, level, images in list_subgroups(aligned):
        found = compare_pairs(aligned, scores=[score], images=images)
        by_field.setdefault(field, []).extend({"field": field, "level": level, **pair} for pair in found)
    return [
        pair | {"p_holm": p}
        for family in by_field.values()
        for pair, p in zip(family, adjust_by_holm([pair["p"] for pair in family]), strict=True)
    ]
