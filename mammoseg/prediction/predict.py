"""Segment mammograms: files and folders in; DICOM objects, an overlay each, one table and one page out."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from mammoseg.checkpoints.weights_file import Named
from mammoseg.counts import format_count
from mammoseg.data.find_images import find_inputs
from mammoseg.data.mammogram import read_ahead
from mammoseg.data.records import FOLDER
from mammoseg.dicom.iod import load_tables
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.files import as_printable, made_output, output_errors
from mammoseg.inference.engines.engine import MODULES, choose_runtime
from mammoseg.mammogram import MODALITIES
from mammoseg.prediction.asked import Archives, check_inputs, choose_predictor, print_loading
from mammoseg.prediction.file_job import MassPredictor, make_refused_row
from mammoseg.prediction.options import Options, parse_choice, parse_objects
from mammoseg.prediction.process import Standby
from mammoseg.prediction.run import Workers, run_over_files
from mammoseg.prediction.table import Row
from mammoseg.prediction.workers import choose_worker_count

FETCHED = "images"
"""Folder in the output folder for what was read from an archive: kept, so that a run can go on without it."""


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
    window: str | None = None,
    boxes: str | Path | None = None,
    modalities: str | Sequence[str] = MODALITIES,
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
        bundle: name of the network; when None, `mammoseg.checkpoints.weights_file.choose_default_bundle`.
        weights: file of the network's weights; when None, `mammoseg.checkpoints.weights_file.choose_default_weights`.
            Of several, or a folder of several, the mean of the probabilities is taken.
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
        precision: ``f32``, ``bf16``, ``f16`` or ``int8``, where the engine has it; when None, f16 on a GPU, and on a
            CPU f32 or what `mammoseg.inference.engines.engine.choose_default_precision` says.
        window: ``CENTRE,WIDTH`` or a file of points, in place of the grey-value function of DICOM files, see
            `mammoseg.dicom.own_voi.read_own_voi`; weights that were trained with one keep theirs.
        boxes: CSV with boxes around masses, which weights of patches need and others do not take, see
            `mammoseg.prediction.box_table.read_boxes`.
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
    paths = [Path(path) for path in inputs]
    archives = Archives(archive, stow, user=user, ca_bundle=ca_bundle, study=study, patient=patient, date=date)
    archives.check(paths)
    choice = choose_predictor(
        bundle,
        weights,
        device=device,
        modalities=modalities,
        flips=flips,
        runtime=runtime,
        precision=precision,
        window=window,
        boxes=boxes,
    )
    found, passed_over = find_inputs(paths, Path(output))
    if choice.boxes is not None:
        choice.boxes.check_names(found)
    if archive is None:
        check_inputs(paths, found, passed_over)
    print_loading(choice, len(found), is_named=weights is not None, earlier=Path(output) / FOLDER)
    others = choose_worker_count(len(found), workers) - 1
    is_awaited = bool(found) and not others and not (Path(output) / FOLDER).exists()  # not one of many, nor done before
    if is_awaited:
        read_ahead(found[0], voi=choice.voi or "first", modalities=choice.modalities)
    refused: list[Row] = []
    with made_output(Path(output)), Standby(others, MODULES[choose_runtime(runtime, device)]) as standby:
        predictor = choice()
        if is_awaited:
            Thread(target=_prepare, args=(predictor,)).start()  # no daemon: what compiles must not be cut off
        if archive is not None:
            fetched, refused = _fetch(archives, Path(output) / FETCHED, choice.modalities)
            found, _ = find_inputs([*found, *fetched])  # files by now, of which one may be among both
        run_over_files(
            predictor,
            found,
            Path(output),
            options=options,
            passed_over=passed_over,
            refused=refused,
            workers=Workers(workers, choice, standby.take),
            json=json,
            list_remarks=choice.list_without_effect,
            store=None if stow is None else partial(_store_results, to=stow, **archives.login_to_store),
        )


def _fetch(archives: Archives, folder: Path, modalities: Sequence[str]) -> tuple[list[Path], list[Row]]:
    """Paths of the images that came from an archive, and rows of those that it lists and does not give."""
    from mammoseg.archives.dicomweb.client import connect  # needed by few
    from mammoseg.archives.dicomweb.fetch import fetch_what_comes, require_mammograms

    with output_errors(folder):
        archive = connect(str(archives.archive), **archives.login)
        listed = require_mammograms(archive, modalities=modalities, **archives.selection)
        paths, refused = fetch_what_comes(archive, listed, folder)
    return paths, [make_refused_row(path, "E_ARCHIVE", reason) for path, reason in refused.items()]


def _prepare(predictor: MassPredictor) -> None:
    """Do what the first file would wait for, while it is read; where this fails, so does the file, and says why."""
    with suppress(Exception):
        if prepare := getattr(predictor, "prepare", None):  # a predictor without a network has none
            prepare()
        load_tables()


def _store_results(paths: Sequence[Path], *, to: str, **login: Any) -> None:
    from mammoseg.archives.send import PartlySentError, store_to  # needed by few

    stored = store_to(list(paths), to, **login)
    for result in stored:
        if not result.ok and result.path is not None:
            print(f"{as_printable(result.path)}: {result.code}: {result.reason}", file=sys.stderr)
    missing = sum(not result.ok for result in stored)
    if missing:
        raise PartlySentError(
            f"{missing} of {format_count(len(stored), 'result')} not in the archive; run the same command again."
        )
    print(f"{format_count(len(stored), 'result')} stored in the archive.", file=sys.stderr)
