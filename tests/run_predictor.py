"""A predictor of a test's own over files and folders, without the command that chooses one of a bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.data.find_images import find_inputs
from mammoseg.prediction.file_job import MassPredictor
from mammoseg.prediction.options import Options
from mammoseg.prediction.run import run_over_files


def run_predictor(
    predictor: MassPredictor, inputs: Sequence[Path], output: Path, *, options: Options | None = None, **how: Any
) -> None:
    """Find the files of `inputs` and run `predictor` over them; see `run_over_files`, which takes `how`."""
    files, passed_over = find_inputs(inputs, output)
    run_over_files(predictor, files, output, options=options or Options(), passed_over=passed_over, **how)
