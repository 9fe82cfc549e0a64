"""What each process of a cohort does with one mammogram, on whatever machine it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mammoseg.files import output_errors
from mammoseg.prediction.file_job import FileJob, MassPredictor
from mammoseg.prediction.options import Run
from mammoseg.prediction.records import Records
from mammoseg.prediction.table import Row

RESULTS = "results"
"""Folder of the results in the output folder."""


class CohortJob:
    """Does one mammogram after another; made in the process that runs it.

    A record is kept beside the results, so that a mammogram whose line was lost with the driver is not computed again.

    Args:
        make_predictor: makes the predictor of this process; must be picklable.
        run: what holds for all mammograms; `run.output` is the folder of the cohort, which all processes see.
    """

    def __init__(self, make_predictor: Callable[[], MassPredictor], run: Run) -> None:
        self.run = run
        self.predictor = make_predictor()

    def __call__(self, path: Path, name: str) -> Row:
        """Segment the file at `path`, with results ``results/NAME.*``; a refusal is a row like any other.

        Raises:
            OutputError: the results cannot be written.
            WeightsError: the weights are others than those of the run.
        """
        folder, stem = name.split("/")
        run = replace(self.run, output=self.run.output / RESULTS / folder)
        records = Records.from_run(run)
        if row := records.find(path, stem):
            return row
        row, sha256 = FileJob(self.predictor, run)(path, stem)
        with output_errors(run.output):
            if sha256 is not None:
                records.add(path, sha256, stem, row)
            else:
                records.remove_outdated(path, stem)
        return row
