"""How many cases are good enough, by limits that are in use: the threshold table of Sarker et al. 2022."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammoseg.evaluation.tables import ScoreRow

LIMITS = (
    ("dice", ">=", 0.45),
    ("dice", ">=", 0.65),
    ("iou", ">=", 0.35),
    ("iou", ">=", 0.55),
    ("hausdorff_px", "<=", 2.75),
    ("hausdorff_rows", "<=", 2.75),
)
"""Score, side and limit. Which Hausdorff distance the limit was meant for is not known, so both are counted."""


def count_good_enough(tables: Mapping[str, Sequence[ScoreRow]], *, grid: str) -> list[ScoreRow]:
    """Number of cases within each of `LIMITS`, their share of all that have the score, and their mean.

    Args:
        tables: rows of `mammoseg.evaluation.tables.read_per_image`, by the name of the run.
        grid: rows of other grids are left out.
    """
    counted: list[ScoreRow] = []
    for run, rows in tables.items():
        for score, side, limit in LIMITS:
            values = np.array([row[score] for row in rows if row["grid"] == grid], float)
            values = values[~np.isnan(values)]
            good = values[values >= limit if side == ">=" else values <= limit]
            if len(values):
                counted.append(
                    {"run": run, "grid": grid, "metric": score, "limit": f"{side} {limit:g}"}
                    | {"cases": len(good), "of": len(values), "share": len(good) / len(values)}
                    | {"mean": float(good.mean()) if len(good) else None}
                )
    return counted
