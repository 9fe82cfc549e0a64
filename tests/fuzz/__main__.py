"""Read randomly damaged files and count how that ends; prints JSON, with a recipe for each ending to look at.

Usage: python -m tests.fuzz [--seconds 60] [--seed 0] [--count N] [--pictures | --checkpoints]
"""

from json import dumps

from mammoseg.command_line import run_script
from mammoseg.errors import WrongCallError
from tests.fuzz import checkpoints as checkpoint_files
from tests.fuzz.pictures import draw_picture_cases, read_picture_case
from tests.fuzz.run import fuzz


def main(
    seconds: float = 60, seed: int = 0, count: int | None = None, pictures: bool = False, checkpoints: bool = False
) -> None:
    """Damage DICOM files for some seconds, or until so many files are read.

    Args:
        seconds: time.
        seed: draws the mutations; the same seed draws the same ones.
        count: files.
        pictures: damage pictures and NIfTI files instead.
        checkpoints: damage checkpoints instead.
    """
    if pictures and checkpoints:
        raise WrongCallError("--pictures and --checkpoints are two runs; give one of them.")
    if checkpoints:
        report = checkpoint_files.fuzz(seed=seed, seconds=seconds, count=count)
    elif pictures:
        report = fuzz(seed=seed, seconds=seconds, count=count, draw=draw_picture_cases, read=read_picture_case)
    else:
        report = fuzz(seed=seed, seconds=seconds, count=count)
    print(dumps(vars(report), indent=2))


if __name__ == "__main__":
    run_script(main)
