"""Segment mammograms: files and folders in; a DICOM SEG, an overlay each, one table and one page out."""

import re
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tqdm import tqdm

from mammoseg.data.find_images import find_inputs
from mammoseg.data.mammogram import Mammogram
from mammoseg.dicom import measure
from mammoseg.dicom.derived import Algorithm
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError, MammosegError, NothingUsableError, WrongCallError
from mammoseg.lesions import find_lesions
from mammoseg.report.overlay import draw_overlay, write_picture
from mammoseg.report.page import PHANTOM_WARNING, Run, write_page
from mammoseg.report.table import Row, Status, write_table
from mammoseg.results import write_result

if TYPE_CHECKING:
    from mammoseg.inference import Prediction

MOST_LESIONS = 64
"""More separate regions than this are no masses but a sign of a wrong threshold or an untrained network."""


class PartlyRefusedError(MammosegError):
    """Some inputs were refused, the others were segmented."""

    exit_code = 1


class StoppedError(MammosegError):
    """The person at the keyboard stopped the run; what was finished is kept."""

    exit_code = 130


class MassPredictor(Protocol):
    """What `run_predictor` needs of `mammoseg.inference.Predictor`."""

    name: str
    version: str
    weights_sha256: str
    threshold: float
    phantom_only: bool

    def __call__(self, path: Path) -> "Prediction":
        """Predict the mass probability of each pixel of one file."""


def predict(
    *inputs: str | Path,
    output: str | Path,
    bundle: str = "unet",
    weights: str | Path | None = None,
    probabilities: bool = False,
    threshold: float | None = None,
    device: str | None = None,
    modalities: str | Sequence[str] = ("MG",),
) -> None:
    """Segment the masses of mammograms.

    Args:
        inputs: DICOM, PNG, TIFF or NIfTI files, and folders, which are searched to the bottom.
        output: folder for the results; made if it is not there.
        bundle: name of the network.
        weights: file of the network's weights; see `mammoseg.inference.Predictor` for those taken when none are named.
        probabilities: write the probability map (SEG of type FRACTIONAL, or a 16-bit PNG) instead of the masks.
        threshold: probability from which a pixel is mass, above 0 and below 1; the bundle's own when None.
        device: such as ``cpu`` or ``cuda:0``; the best there is when None.
        modalities: DICOM modalities to let in, ``MG`` alone unless told otherwise.

    Raises:
        WrongCallError: no input, a threshold out of range, or an output folder that cannot be made.
        PartlyRefusedError: some inputs were refused.
        NothingUsableError: all inputs were refused, or a folder has nothing to try.
        StoppedError: Ctrl-C.
    """
    _check_call(inputs, Path(output), threshold)
    from mammoseg.inference import Predictor  # imports torch, which takes seconds that a wrong call need not wait

    predictor = Predictor(
        bundle=bundle,
        weights=None if weights is None else Path(weights),
        device=device,
        modalities=(modalities,) if isinstance(modalities, str) else tuple(modalities),
    )
    if weights is None:
        print(f"No weights are named; {predictor.weights_path} is used.", file=sys.stderr)
    run_predictor(
        predictor, [Path(path) for path in inputs], Path(output), probabilities=probabilities, threshold=threshold
    )


def run_predictor(
    predictor: MassPredictor,
    inputs: Sequence[Path],
    output: Path,
    *,
    probabilities: bool = False,
    threshold: float | None = None,
) -> None:
    """Run `predictor` over `inputs`; see `predict`. The table and the page are written however the run ends."""
    algorithm = Algorithm(predictor.name, predictor.version, predictor.weights_sha256, threshold or predictor.threshold)
    run = Run(algorithm, predictor.phantom_only, datetime.now(timezone.utc).replace(microsecond=0))
    job = _Job(predictor, run, output, probabilities)
    paths, passed_over = find_inputs(inputs, output)
    if run.phantom_only:
        print(f"WARNING: {PHANTOM_WARNING}", file=sys.stderr)
    rows: list[Row] = []
    try:
        for path, name in tqdm(list(zip(paths, unique_names(paths), strict=True)), unit="file", disable=None):
            rows.append(job.segment(path, name))
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {len(rows)} of {len(paths)} files were done and are kept.") from None
    finally:
        _write_report(rows, run, output)
    _conclude(rows, passed_over, output)


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Give each path a stem for its outputs: of the file's own name, never of the header, with plain characters only.

    The names differ without regard to case too, so that they stay apart on every file system.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        stem = re.sub(r"\.(dcm|png|tiff?|nii|nii\.gz)$", "", path.name, flags=re.IGNORECASE)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:100] or "image"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names


@dataclass(frozen=True)
class _Job:
    """One run: everything that all its files share."""

    predictor: MassPredictor
    run: Run
    output: Path
    probabilities: bool

    def segment(self, path: Path, name: str) -> Row:
        """Segment one file; a refusal is said on stderr and becomes a row like any other outcome."""
        start = time.perf_counter()
        try:
            with no_header_values_in_warnings():
                row = self._segment(path, name)
        except InputRefusedError as error:
            row = _refuse(path, error.code, error.reason)
        except Exception as error:  # one file must not end the run; the text is left out, as it may quote the header
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; please report it."
            row = _refuse(path, "E_FAULT", reason)
        return replace(row, seconds=time.perf_counter() - start)

    def _segment(self, path: Path, name: str) -> Row:
        prediction = self.predictor(path)
        probability = prediction.probability
        if not (probability.min() >= 0 and probability.max() <= 1):  # neither holds for NaN
            raise InputRefusedError(
                "E_NETWORK", "the network gave values that are no probabilities; check its weights."
            )
        lesions = find_lesions(probability, self.run.algorithm.threshold)
        if len(lesions) > MOST_LESIONS:
            reason = f"{len(lesions)} separate regions are no masses; raise the threshold or train the network."
            raise InputRefusedError("E_TOO_MANY_REGIONS", reason)
        try:
            write_picture(draw_overlay(prediction.mammogram.pixels, lesions), self.output / f"{name}.overlay.png")
            segmentation = write_result(
                path,
                name,
                probability,
                lesions,
                output=self.output,
                algorithm=self.run.algorithm,
                when=self.run.when,
                as_probability=self.probabilities,
            )
        except OSError as error:
            reason = f"the output cannot be written ({error.strerror or error}); free space or name another folder."
            raise InputRefusedError("E_OUTPUT", reason) from error
        return Row(
            printable(path),
            Status.FOUND if lesions else Status.NOTHING,
            lesions=len(lesions),
            area_mm2=area_mm2(lesions, prediction.mammogram),
            max_probability=float(probability.max()),
            segmentation=segmentation,
            overlay=f"{name}.overlay.png",
        )


def area_mm2(lesions: Sequence[np.ndarray], mammogram: Mammogram) -> float | None:
    """Area of all lesions together in the breast, or None where the file gives no honest pixel spacing."""
    spacing, source = mammogram.pixel_spacing_mm, mammogram.pixel_spacing_source
    scale = measure.scale_in_breast(spacing, source, mammogram.magnification)
    return None if scale is None else measure.area_mm2(lesions, scale)


def printable(path: Path) -> str:
    """The path on one line of valid text, whatever bytes its name has."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _refuse(path: Path, code: str, reason: str) -> Row:
    tqdm.write(f"{printable(path)}: {code}: {reason}", file=sys.stderr)
    return Row(printable(path), Status.REFUSED, code, reason)


def _check_call(inputs: Sequence[str | Path], output: Path, threshold: float | None) -> None:
    if not inputs:
        raise WrongCallError("no input is named; give mammograms or folders of them.")
    if threshold is not None and not 0 < threshold < 1:
        raise WrongCallError(f"threshold is {threshold}; give a probability above 0 and below 1.")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongCallError(
            f"output '{output}' cannot be made ({error.strerror}); name a folder to write to."
        ) from error


def _write_report(rows: Sequence[Row], run: Run, output: Path) -> None:
    try:
        write_table(rows, output / "results.csv")
        write_page(rows, run, output / "index.html")
    except OSError as error:
        raise MammosegError(
            f"the table or page cannot be written to '{output}' ({error.strerror}); free space."
        ) from error


def _conclude(rows: Sequence[Row], passed_over: int, output: Path) -> None:
    """Say what came out, and raise what the exit code follows from."""
    refused = sum(row.status is Status.REFUSED for row in rows)
    found = sum(row.status is Status.FOUND for row in rows)
    beside = f", {passed_over} passed over as no images" if passed_over else ""
    print(f"{len(rows) - refused} segmented ({found} with a mass), {refused} refused{beside}: {output / 'index.html'}")
    if refused == len(rows):
        raise NothingUsableError(
            f"none of {len(rows)} files could be used; the reasons are in {output / 'results.csv'}."
            if rows
            else f"there is no file to segment{beside}; name mammograms or a folder that holds some."
        )
    if refused:
        raise PartlyRefusedError(
            f"{refused} of {len(rows)} files were refused; the reasons are in {output / 'results.csv'}."
        )
