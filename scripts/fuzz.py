"""Read randomly damaged DICOM files, or pictures and NIfTI, and count how that ends; prints JSON with all recipes.

Usage: python scripts/fuzz.py [--seconds 60] [--seed 0] [--count N] [--pictures]
"""

import sys
from json import dumps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # `tests` is no part of the package

from mammoseg.command_line import run_script
from tests.fuzz.pictures import draw_picture_cases, read_picture_case
from tests.fuzz.run import fuzz


def main(seconds: float = 60, seed: int = 0, count: int | None = None, pictures: bool = False) -> None:
    """Fuzz for some seconds, or until so many files are read.

    Args:
        seconds: time.
        seed: draws the mutations; the same seed draws the same ones.
        count: files.
        pictures: damage pictures and NIfTI files.
    """
    ways: dict[str, Any] = {"draw": draw_picture_cases, "read": read_picture_case} if pictures else {}
    print(dumps(vars(fuzz(seed=seed, seconds=seconds, count=count, **ways)), indent=2))


if __name__ == "__main__":
    run_script(main)
