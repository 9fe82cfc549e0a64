"""Read randomly damaged checkpoints and count how that ends; prints JSON, with a recipe for each ending to look at.

Usage: python scripts/fuzz_checkpoints.py [--seconds 60] [--seed 0] [--count N]
"""

import sys
from json import dumps
from pathlib import Path

import fire

sys.path.insert(0, str(Path(__file__).parents[1]))  # `tests` is no part of the package

from tests.fuzz.checkpoints import fuzz


def main(seconds: float = 60, seed: int = 0, count: int | None = None) -> None:
    """Fuzz for some seconds, or until so many files are read; see `scripts/fuzz.py`, which does it to DICOM."""
    print(dumps(vars(fuzz(seed=seed, seconds=seconds, count=count)), indent=2))


if __name__ == "__main__":
    fire.Fire(main)
