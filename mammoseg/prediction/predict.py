"""Segment mammograms: files and folders in; DICOM objects, an overlay each, one table and one page out."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mammoseg.allocator import keep_freed_memory
from mammoseg.checkpoints.weights_file import Named, default_bundle, default_weights
from mammoseg.counts import count_of
from mammoseg.data.find_images import find_inputs, say_no_file
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.files import is_file, is_folder, make_output, output_errors, printable
from mammoseg.inference.engines.engine import MODULES, PRECISIONS, choose_runtime
from mammoseg.prediction.file_job import MassPredictor
from mammoseg.prediction.options import Options, parse_choice, parse_objects
from mammoseg.prediction.process import Standby
from mammoseg.prediction.run import Workers, run_over_files
from mammoseg.prediction.workers import worker_count
from mammoseg.quick_import import quick_imports

FETCHED = "images"
"""Folder in the output folder for what was read from an archive: kept, so that a run can go on without it."""

PREDICTOR_MODULE = "mammoseg.inference.predictor"
"""Imports what a wrong call need not wait for."""


@dataclass(frozen=True)
class PredictorChoice:
    """How each process makes ready and makes its predictor; see `mammoseg.inference.predictor.Predictor`."""

    bundle: str
    weights: tuple[Path, ...]
    device: str | None
    modalities: tuple[str, ...]
    flips: bool | None
    runtime: str
    precision: str | None

    def __call__(self) -> MassPredictor:
        keep_freed_memory()
        how: dict[str, Any] = {
            "device": self.device,
            "modalities": self.modalities,
            "flips": self.flips,
            "runtime": self.runtime,
            "precision": self.precision,
        }
        (one, *more) = self.weights
        if more or is_folder(one):
            with quick_imports():
                from mammoseg.inference.ensemble import load_predictor
            return load_predictor(self.bundle, weights=self.weights, **how)
        with quick_imports():
            from mammoseg.inference.predictor import Predictor
        return Predictor(bundle=self.bundle, weights=one, **how)


def predict(
    *inputs: str | Path,
    output: str | Path,
    bundle: str | None = None,
    weights: Named | None = None,
    objects: str | Sequence[str] = ("seg", "sr"),
    segmentation: str = "binary",
    profile: str = "viewer",
    deflated: bool = False,
    no_empty_seg: bool = False,
    threshold: float | None = None,
    flips: bool | None = None,
    min_area_mm2: float | None = None,
    min_area_pixels: float | None = None,
    device: str | None = None,
    runtime: str = "auto",
    precision: str | None = None,
    modalities: str | Sequence[str] = ("MG",),
    workers: int | None = None,
    json: bool = False,
    archive: str | None = None,
    stow: str | None = None,
    user: str | None = None,
    ca_bundle: str | None = None,
    study: str | None = None,
    patient: str | None = None,
    date: str | None = None,
) -> None:
    """Segment the masses of mammograms.

    Args:
        inputs: DICOM, PNG, TIFF, JPEG, PGM or NIfTI files, and folders, which are searched to the bottom.
        output: folder for the results; made if it is not there. The same call again does only what is not done yet.
        bundle: name of the network; when None, `mammoseg.checkpoints.weights_file.default_bundle`.
        weights: file of the network's weights; when None, `mammoseg.checkpoints.weights_file.default_weights`. Of
            several, or a folder of several, the mean of the probabilities is taken.
        objects: DICOM objects to write, of ``seg``, ``sr``, ``cad_sr``, ``sc``, ``gsps``.
        segmentation: ``binary``, ``fractional`` (probability; a 16-bit PNG for pictures) or ``labelmap``.
        profile: ``viewer`` or ``strict``, see `mammoseg.dicom.seg.SegProfile`.
        deflated: compress the segmentation, see `mammoseg.dicom.seg.build_segmentation`.
        no_empty_seg: write no segmentation where nothing was found; the report says it.
        threshold: probability from which a pixel is mass, above 0 and below 1; when None, that of the weights, else of
            the bundle.
        flips: mean with the image upside down, see `mammoseg.inference.flips`; as the weights record it when None.
        min_area_mm2: smallest lesion, in the breast.
        min_area_pixels: smallest lesion, in pixels.
        device: name such as ``cpu`` or ``cuda:0``; the best there is when None.
        runtime: what computes the network: ``auto``, ``openvino``, ``onnx`` or ``torch``, see
            `mammoseg.inference.engines.engine.choose_runtime`.
        precision: ``f32``, ``bf16`` or ``f16``, where the engine has it; when None, f16 on a GPU and f32 on a CPU.
        modalities: DICOM modalities to let in, ``MG`` alone unless told otherwise.
        workers: processes; one for each core when None and there are enough files.
        json: print one JSON record for each file instead of sentences.
        archive: DICOMweb root from which mammograms are read, instead of or beside `inputs`.
        stow: DICOMweb root to which the results are stored, or ``dicom://AET@host:port`` for C-STORE.
        user: name at archives; the password comes from the environment or ~/.netrc, see
            `mammoseg.archives.dicomweb.client`.
        ca_bundle: certificates of the authority that signed the archives' own.
        study: Study Instance UID to read from `archive`.
        patient: Patient ID to read from `archive`.
        date: day or range of days to read from `archive`, see `mammoseg.archives.dicomweb.fetch.find_mammograms`.

    Raises:
        WrongCallError: no input, an unknown bundle, a value out of range, or an output folder that cannot be made.
        WeightsError: there are no weights, or they cannot be used.
        PartlyRefusedError: some inputs were refused.
        NothingUsableError: all inputs were refused, or a folder has nothing to try.
        OutputError: the output cannot be written.
        StoppedError: Ctrl-C.
    """
    options = Options(
        objects=parse_objects(objects),
        kind=parse_choice(SegKind, segmentation, "segmentation"),
        profile=parse_choice(SegProfile, profile, "profile"),
        deflated=deflated,
        empty_seg=not no_empty_seg,
        threshold=threshold,
        min_area_mm2=min_area_mm2,
        min_area_pixels=min_area_pixels,
    )
    modalities = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    paths = [Path(path) for path in inputs]
    selection = {"study": study, "patient": patient, "date": date}
    login: dict[str, Any] = {"user": user, "ca_bundle": ca_bundle}
    check_call(paths, archive, selection)
    login_to_store = check_logins(archive, stow, login)
    if precision not in (None, *PRECISIONS):
        raise WrongCallError(f"precision is '{precision}'; give one of {', '.join(PRECISIONS)}.")
    bundle = bundle or default_bundle()
    paths_of_weights = as_paths(default_weights(bundle) if weights is None else weights)
    found, passed_over = find_inputs(paths, Path(output))
    if archive is None:
        check_inputs(paths, found, passed_over)
    make_output(Path(output))
    if weights is None:
        print(f"No weights are named; {paths_of_weights[0]} is used.", file=sys.stderr)
    here = f"{count_of(len(found), 'file')} to look at; " if found else ""  # those of an archive are counted later
    print(f"{here}loading {bundle}, which can take a minute.", file=sys.stderr, flush=True)
    choice = PredictorChoice(bundle, paths_of_weights, device, modalities, flips, runtime, precision)
    others = worker_count(len(found), workers) - 1
    with Standby(others, MODULES[choose_runtime(runtime, device)]) as standby:
        predictor = choice()
        if archive is not None:
            from mammoseg.archives.dicomweb.fetch import fetch_studies  # needed by few

            images = Path(output) / FETCHED
            with output_errors(images):
                fetched = fetch_studies(archive, images, modalities=modalities, **login, **selection)
            found, _ = find_inputs([*found, *fetched])  # files by now, of which one may be among both
        run_over_files(
            predictor,
            found,
            Path(output),
            options=options,
            passed_over=passed_over,
            workers=Workers(workers, choice, standby.take),
            json=json,
            store=None if stow is None else partial(_store_results, to=stow, **login_to_store),
        )


def as_paths(named: Named) -> tuple[Path, ...]:
    """The files or folders that are named as weights."""
    return (Path(named),) if isinstance(named, str | Path) else tuple(map(Path, named))


def _store_results(paths: Sequence[Path], *, to: str, **login: Any) -> None:
    from mammoseg.archives.send import PartlySentError, store_to  # needed by few

    stored = store_to(list(paths), to, **login)
    for result in stored:
        if not result.ok and result.path is not None:
            print(f"{printable(result.path)}: {result.code}: {result.reason}", file=sys.stderr)
    missing = sum(not result.ok for result in stored)
    if missing:
        raise PartlySentError(
            f"{missing} of {count_of(len(stored), 'result')} not in the archive; run the same command again."
        )
    print(f"{count_of(len(stored), 'result')} stored in the archive.", file=sys.stderr)


def check_call(inputs: Sequence[Path], archive: str | None, selection: Mapping[str, str | None]) -> None:
    """Whether anything is named to read.

    Args:
        archive: address to read from.
        selection: what is chosen from it.

    Raises:
        WrongCallError: neither a file nor an archive, or something is chosen from no archive.
    """
    if not inputs and archive is None:
        raise WrongCallError("no input is named; give mammograms or folders of them, or an archive with --from.")
    if any(selection.values()) and archive is None:
        raise WrongCallError("--study, --patient and --date choose from an archive; name it with --from.")


def check_logins(archive: str | None, stow: str | None, login: Mapping[str, Any]) -> Mapping[str, Any]:
    """Look at the addresses and logins before any work is done, and say what the store is given of the login.

    Args:
        archive: address to read from.
        stow: address to store to.
        login: ``user`` and ``ca_bundle``.

    Raises:
        WrongCallError: an address is none, or a login has no archive or no password.
    """
    if any(login.values()) and archive is None and stow is None:
        raise WrongCallError("--user and --ca_bundle are for an archive; name it with --from or --stow.")
    to_store = {} if archive and str(stow).startswith("dicom://") else login  # C-STORE has none
    for address, given in ((archive, login), (stow, to_store)):
        if address is not None:
            from mammoseg.archives.send import check_address  # needed by few

            check_address(address, **given)
    return to_store


def check_inputs(inputs: Sequence[Path], found: Iterable[Path], passed_over: int) -> None:
    """Whether there is a single file to look at, before anything is loaded or any folder made.

    Args:
        inputs: files and folders as they were named.
        found: files that they hold.
        passed_over: number of files that are no images.

    Raises:
        NothingUsableError: there is none; the text says why.
    """
    if not any(map(is_file, found)):
        others = [path for path in inputs if not is_folder(path) and not is_file(path)]
        raise NothingUsableError(_say_no_input(others[0]) if others else say_no_file(passed_over))


def _say_no_input(path: Path) -> str:
    if os.path.lexists(path):
        return (
            f"'{printable(path)}' is neither a file nor a folder, but a pipe, a device or a link that leads nowhere; "
            "name a file or a folder."
        )
    return f"there is no file '{printable(path)}'; check the path."
