"""One file: read, predicted, written, and what became of it as a row."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.counts import format_number
from mammoseg.dicom import measure
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError, MammosegError, format_short_hash, make_fault_error
from mammoseg.files import as_printable, output_errors
from mammoseg.inference.boxes import describe_boxes
from mammoseg.inference.lesions import find_masses, find_scale
from mammoseg.mammogram import Mammogram
from mammoseg.overlay import draw_overlay, format_score, name_lesion, write_picture
from mammoseg.prediction.options import ObjectKind, Options, Run
from mammoseg.prediction.records import Records
from mammoseg.prediction.results import write_results
from mammoseg.prediction.table import Row, Status

if TYPE_CHECKING:
    from mammoseg.inference.predictor import Prediction


class MassPredictor(Protocol):
    """What a run needs of `mammoseg.inference.predictor.Predictor`."""

    algorithm: Algorithm

    def __call__(self, path: Path) -> "Prediction":
        """Predict the mass probability of each pixel of one file."""


@dataclass(frozen=True)
class FileJob:
    """Everything that all files of a run share.

    Raises:
        WeightsError: the predictor has other weights than the run, as when their file was replaced before it was made.
    """

    predictor: MassPredictor
    run: Run

    def __post_init__(self) -> None:
        before, now = self.run.algorithm.weights_sha256, self.predictor.algorithm.weights_sha256
        if now != before:
            raise WeightsError(
                f"the weights changed during the run: {format_short_hash(before)} at its start, "
                f"{format_short_hash(now)} now; run the same command again."
            )

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of the run, with the engine of this process."""
        own = self.predictor.algorithm
        return replace(self.run.algorithm, engine=own.engine, precision=own.precision)

    def __call__(self, path: Path, name: str) -> tuple[Row, str | None]:
        """Segment one file and write its results under `name`; a refusal is a row like any other outcome.

        Returns:
            The row, and the SHA-256 of the file where it has results.

        Raises:
            OutputError: the results cannot be written.
        """
        start = time.perf_counter()
        sha256 = None
        try:
            with no_header_values_in_warnings():
                row, sha256 = self._segment(path, name)
        except InputRefusedError as error:
            row = _make_row_of(error, path)
        except MammosegError:
            raise
        except Exception as error:  # one file must not end the run
            row = _make_row_of(make_fault_error(error), path)
        return replace(row, seconds=time.perf_counter() - start), sha256

    def _segment(self, path: Path, name: str) -> tuple[Row, str]:
        prediction = self.predictor(path)
        mammogram, algorithm = prediction.mammogram, self.algorithm
        if prediction.boxes:
            algorithm = replace(algorithm, boxes=describe_boxes(prediction.boxes))
        found = find_masses(
            prediction.probability,
            mammogram,
            threshold=algorithm.threshold,
            min_area_mm2=self.run.options.min_area_mm2,
            min_area_pixels=self.run.options.min_area_pixels,
            least_area_mm2=self.run.algorithm.min_area_mm2,
        )
        lesions = found.lesions
        scores = [self.run.algorithm.score(found.probability, lesion) for lesion in lesions]
        with output_errors(self.run.output):
            written = write_results(
                path,
                name,
                found.probability,
                lesions,
                output=self.run.output,
                algorithm=algorithm,
                when=self.run.when,
                options=self.run.options,
                mammogram=mammogram,
                claims=self.run.claims,
                earlier=Records.from_run(self.run).read_digests(name),
            )
            picture = draw_overlay(mammogram.pixels, lesions, scores=scores, sentence=self._say_purpose(lesions))
            write_picture(picture, self.run.output / f"{name}.overlay.png")
        row = Row(
            as_printable(path),
            Status.FOUND if lesions else Status.NOTHING,
            notes="; ".join((*mammogram.notes, *written.notes)) or None,
            lesions=len(lesions),
            masses=_format_areas(lesions, mammogram) or None,
            scores=_format_by_lesion(map(format_score, scores)) or None,
            score_kind=self.run.algorithm.score_kind if lesions else None,
            area_mm2=compute_area_mm2(lesions, mammogram),
            left_out=found.left_out,
            max_probability=float(found.probability.max()),
            segmentation=written.files.get(ObjectKind.SEGMENTATION),
            report=written.files.get(ObjectKind.REPORT),
            cad_report=written.files.get(ObjectKind.CAD_REPORT),
            secondary_capture=written.files.get(ObjectKind.SECONDARY_CAPTURE),
            presentation_state=written.files.get(ObjectKind.PRESENTATION_STATE),
            overlay=f"{name}.overlay.png",
            weights_file=algorithm.weights_file,
            weights_sha256=algorithm.weights_sha256,
            trained_on=algorithm.trained_on,
            engine=algorithm.engine,
            precision=algorithm.precision,
            boxes=algorithm.boxes,
            source_sha256=written.source_sha256,
        )
        return row, written.source_sha256

    def _say_purpose(self, lesions: Sequence[np.ndarray]) -> str:
        """What stands below the overlay."""
        purpose, *more = self.run.algorithm.caption
        scored = f"{purpose}; scores {self.run.algorithm.score_kind}" if lesions else purpose
        return "\n".join((scored, *more))


def compute_area_mm2(lesions: Sequence[np.ndarray], mammogram: Mammogram) -> float | None:
    """Area of all lesions together in the breast, or None where the file gives no honest pixel spacing.

    Args:
        lesions: masks ``(rows, columns)`` of one grid.
        mammogram: the image on that grid.
    """
    scale = find_scale(mammogram)
    return None if scale is None else measure.compute_area(lesions, scale)


def _format_areas(lesions: Sequence[np.ndarray], mammogram: Mammogram) -> str:
    areas = [compute_area_mm2([lesion], mammogram) for lesion in lesions]
    sizes = [
        f"{np.count_nonzero(lesion)} pixels" if area is None else f"{format_number(area)} mm2"
        for lesion, area in zip(lesions, areas, strict=True)
    ]
    return _format_by_lesion(sizes)


def _format_by_lesion(values: Iterable[str]) -> str:
    """One value a lesion, after its name."""
    return "; ".join(f"{name_lesion(number)}: {value}" for number, value in enumerate(values, start=1))


def _make_row_of(error: InputRefusedError, path: Path) -> Row:
    return make_refused_row(path, error.code, error.reason)


def make_refused_row(path: Path, code: str, reason: str) -> Row:
    """Row of a file that cannot be used."""
    return Row(as_printable(path), Status.REFUSED, code, reason)


def build_asked_algorithm(predictor: MassPredictor, options: Options) -> Algorithm:
    """The algorithm as its results name it, with what a person asks for."""
    algorithm = predictor.algorithm
    asks_for_area = options.min_area_mm2 is not None or options.min_area_pixels is not None
    return replace(
        algorithm,
        threshold=options.threshold or algorithm.threshold,
        min_area_mm2=options.min_area_mm2 if asks_for_area else algorithm.min_area_mm2,
    )
