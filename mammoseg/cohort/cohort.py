"""Segment an archive: folders, datalists or a DICOMweb query in; DICOM objects and one Parquet table out."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from mammoseg.archives.dicomweb.stored import Stored
from mammoseg.checkpoints.weights_file import Named
from mammoseg.cohort.items import find_files, make_item
from mammoseg.cohort.job import CohortJob
from mammoseg.cohort.run import LEDGER, Cohort, Over, run_cohort
from mammoseg.cohort.storing import Storing
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.files import made_output
from mammoseg.mammogram import MODALITIES
from mammoseg.prediction.asked import (
    Archives,
    PredictorChoice,
    check_inputs,
    choose_predictor,
    print_loading,
)
from mammoseg.prediction.file_job import MassPredictor, build_asked_algorithm
from mammoseg.prediction.options import Options, Run, parse_choice, parse_objects
from mammoseg.prediction.process import FileRunner
from mammoseg.prediction.run import make_died_row, make_single_threaded
from mammoseg.prediction.workers import choose_worker_count, run_in_workers
from mammoseg.quick_import import quick_imports


def segment_cohort(
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
    modalities: str | Sequence[str] = MODALITIES,
    workers: int | None = None,
    ray: str | None = None,
    archive: str | None = None,
    stow: str | None = None,
    user: str | None = None,
    ca_bundle: str | None = None,
    study: str | None = None,
    patient: str | None = None,
    date: str | None = None,
) -> None:
    """Segment the masses of very many mammograms.

    Args:
        inputs: files, folders that are searched to the bottom, and datalists (``.json``).
        output: folder of the results, the ledger and the table. The same call again does only what is not done yet. All
            machines must see it, and `inputs`, at the same path.
        bundle: name of the network, as in `mammoseg.prediction.predict.predict`; so are all that are not named here.
        workers: processes; one for each core of this machine, or of the cluster, when None.
        ray: address of a Ray cluster, ``auto``, or ``local`` for one on this machine; local processes when None.

    Raises:
        WrongCallError: no input, an unknown bundle, a value out of range, no Ray, or no output folder.
        NothingUsableError: there was no mammogram, or all were refused.
        PartlyRefusedError: some were refused, lost, or not stored.
        ArchiveError: the archive does not answer; what came before is done and kept.
        StoppedError: Ctrl-C; what is done is kept.
        OutputError: results, ledger or table cannot be written.
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
    )
    folder = Path(output)
    files, passed_over = find_files(paths, folder)
    if archive is None:
        check_inputs(paths, files, passed_over)
    processes = _choose_processes(ray, workers)
    print_loading(choice, len(files), is_named=weights is not None, earlier=folder / LEDGER)
    with made_output(folder):
        predictor = choice()
        wanted = Cohort(map(make_item, files), len(files), passed_over)
        if archive is not None:
            with quick_imports():
                from mammoseg.cohort.from_archive import with_archive
            wanted = with_archive(wanted, archive, folder, choice.modalities, archives.login, archives.selection)
        run = Run(
            build_asked_algorithm(predictor, options),
            datetime.now(timezone.utc).replace(microsecond=0),
            folder,
            options,
        )
        if run.algorithm.warning:
            print(f"WARNING: {run.algorithm.warning}", file=sys.stderr)
        run_cohort(
            wanted,
            run,
            partial(processes, wanted.count, predictor, choice),
            list_remarks=choice.list_without_effect,
            storing=None if stow is None else partial(Storing, partial(_store, to=stow, **archives.login_to_store)),
            stow=archives.stow_root,
        )


Processes = Callable[[int, MassPredictor, PredictorChoice, Run], Over]


def _choose_processes(ray: str | None, workers: int | None) -> Processes:
    if ray is None:
        return partial(_prepare_here, workers)
    with quick_imports():
        from mammoseg.cohort.on_ray import connect_to_ray
    return partial(_prepare_on_ray, connect_to_ray(ray, workers))


def _prepare_here(workers: int | None, count: int, predictor: MassPredictor, choice: PredictorChoice, run: Run) -> Over:
    here = CohortJob(partial(make_single_threaded, lambda: predictor), run)
    processes = choose_worker_count(count, workers)
    return lambda items: run_in_workers(here, _build_job(choice, run), items, processes, make_died_row)


def _prepare_on_ray(workers: int, _count: int, _: MassPredictor, choice: PredictorChoice, run: Run) -> Over:
    with quick_imports():
        from mammoseg.cohort.on_ray import run_on_ray
    return lambda items: run_on_ray(_build_job(choice, run), items, workers)


def _build_job(choice: PredictorChoice, run: Run) -> Callable[[], FileRunner]:
    return partial(CohortJob, partial(make_single_threaded, choice), run)


def _store(files: list[Path], *, to: str, **login: Any) -> list[Stored]:
    with quick_imports():
        from mammoseg.archives.send import store_to
    return store_to(files, to, **login)
