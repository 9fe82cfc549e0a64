"""Speed of the networks of a comparison, as ``scripts/benchmark.py networks --json`` measured it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.files import as_printable, read_json


def read_speeds(path: Path) -> list[ScoreRow]:
    """Images a second of each bundle, one at a time, as made fast; quick runs, which measure nothing, are left out.

    Raises:
        WrongCallError: it is no such file.
    """
    try:
        return [
            {
                "bundle": str(result["bundle"]),
                "device": str(result["device"]),
                "images_per_second": float(result["inference"]["accelerated"]["images_per_second"]),
            }
            for result in read_json(path)
            if result["batch"] == 1 and not result["quick"]
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WrongCallError(
            f"{as_printable(path)} is no list of speeds ({type(error).__name__}); write one by "
            "`scripts/benchmark.py networks --json FILE`."
        ) from error


def list_speeds(
    speeds: Sequence[ScoreRow],
    provenance: Mapping[str, Mapping[str, Any]],
    runs: Sequence[ScoreRow],
    *,
    grid: str,
) -> list[ScoreRow]:
    """Speed and mean Dice of each run whose bundle was measured.

    Args:
        speeds: rows of `read_speeds`.
        provenance: what the evaluation of each run says of itself, its bundle too.
        runs: rows of ``runs.csv``.
        grid: name of the grid whose Dice is taken.
    """
    of_bundle = {row["bundle"]: row for row in speeds}
    dice = {row["run"]: row["mean"] for row in runs if (row["metric"], row["grid"]) == ("dice", grid) and row["count"]}
    return [
        {"run": run, **of_bundle[told["bundle"]], "dice": dice[run]}
        for run, told in provenance.items()
        if told.get("bundle") in of_bundle and run in dice
    ]
