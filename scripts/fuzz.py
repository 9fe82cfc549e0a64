"""Read randomly damaged DICOM files and count how that ends; prints JSON, with a recipe for each ending to look at.

Usage: python scripts/fuzz.py [--seconds 60] [--seed 0] [--count N]
"""

import sys
from json import dumps
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `tests` is no part of the package

from mammoseg.command_line import run_script
from tests.fuzz.run import fuzz


def main(seconds: float = 60, seed: int = 0, count: int | None = None) -> None:
    """Fuzz for some seconds, or until so many files are read.

    Args:
        seconds: time.
        seed: draws the mutations; the same seed draws the same ones.
        count: files.
    """
    print(dumps(vars(fuzz(seed=seed, seconds=seconds, count=count)), indent=2))


if __name__ == "__main__":
    run_script(main)
