"""Segment mammograms: files and folders in; DICOM objects, an overlay each, one table and one page out."""

import json as json_format
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from tqdm import tqdm

from mammoseg.data.find_images import find_inputs
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError
from mammoseg.files import printable, remove_leftovers, sole_writer
from mammoseg.paths import unique_names
from mammoseg.prediction.file_job import FileJob, MassPredictor, OutputError, algorithm_of, output_errors, refused
from mammoseg.prediction.instances import INSTANCES
from mammoseg.prediction.options import Options, parse_choice, parse_objects
from mammoseg.prediction.process import Standby, WorkerProcess
from mammoseg.prediction.records import FOLDER, Records
from mammoseg.prediction.workers import run_in_workers, worker_count
from mammoseg.report.page import PHANTOM_WARNING, Run, write_page
from mammoseg.report.table import Row, Status, write_table

FETCHED = "images"
"""Folder in the output folder for what was read from an archive: kept, so that a run can go on without it."""

PREDICTOR_MODULE = "mammoseg.inference"
"""Imports torch, which takes seconds that a wrong call need not wait."""


class PartlyRefusedError(MammosegError):
    """Some inputs were refused, the others were segmented."""

    exit_code = 1


class StoppedError(MammosegError):
    """The person at the keyboard stopped the run; what was finished is kept."""

    exit_code = 130


@dataclass(frozen=True)
class PredictorChoice:
    """How each process makes its predictor; see `mammoseg.inference.Predictor`."""

    bundle: str
    weights: Path | None
    device: str | None
    modalities: tuple[str, ...]

    def __call__(self) -> MassPredictor:
        from mammoseg.inference import Predictor  # see PREDICTOR_MODULE

        return Predictor(bundle=self.bundle, weights=self.weights, device=self.device, modalities=self.modalities)


def predict(
    *inputs: str | Path,
    output: str | Path,
    bundle: str = "unet",
    weights: str | Path | None = None,
    objects: str | Sequence[str] = ("seg", "sr"),
    segmentation: str = "binary",
    profile: str = "viewer",
    no_empty_seg: bool = False,
    threshold: float | None = None,
    min_area_mm2: float | None = None,
    min_area_pixels: float | None = None,
    device: str | None = None,
    modalities: str | Sequence[str] = ("MG",),
    workers: int | None = None,
    json: bool = False,
    archive: str | None = None,
    stow: str | None = None,
    user: str | None = None,
    ca_bundle: str | None = None,
    **selection: str,
) -> None:
    """Segment the masses of mammograms.

    Args:
        inputs: DICOM, PNG, TIFF or NIfTI files, and folders, which are searched to the bottom.
        output: folder for the results; made if it is not there. The same call again does only what is not done yet.
        bundle: name of the network.
        weights: file of the network's weights; see `mammoseg.inference.Predictor` for those taken when none are named.
        objects: DICOM objects to write, of ``seg``, ``sr``, ``cad_sr``, ``sc``, ``gsps``.
        segmentation: ``binary``, ``fractional`` (probability; a 16-bit PNG for pictures) or ``labelmap``.
        profile: ``viewer`` or ``strict``, see `mammoseg.dicom.seg.SegProfile`.
        no_empty_seg: write no segmentation where nothing was found; the report says it.
        threshold: probability from which a pixel is mass, above 0 and below 1; the bundle's own when None.
        min_area_mm2: smallest lesion, in the breast.
        min_area_pixels: smallest lesion, in pixels.
        device: such as ``cpu`` or ``cuda:0``; the best there is when None.
        modalities: DICOM modalities to let in, ``MG`` alone unless told otherwise.
        workers: processes; one for each core when None and there are enough files.
        json: print one JSON record for each file instead of sentences.
        archive: DICOMweb root from which mammograms are read, instead of or beside `inputs`.
        stow: DICOMweb root to which the results are stored, or ``dicom://AET@host:port`` for C-STORE.
        user: name at archives; the password comes from the environment or ~/.netrc, see `mammoseg.dicomweb.client`.
        ca_bundle: certificates of the authority that signed the archives' own.
        selection: what to read from `archive`: study, patient, date; see `mammoseg.dicomweb.fetch`.

    Raises:
        WrongCallError: no input, a value out of range, or an output folder that cannot be made.
        PartlyRefusedError: some inputs were refused.
        NothingUsableError: all inputs were refused, or a folder has nothing to try.
        OutputError: the output cannot be written.
        StoppedError: Ctrl-C.
    """
    options = Options(
        objects=parse_objects(objects),
        kind=parse_choice(SegKind, segmentation, "segmentation"),
        profile=parse_choice(SegProfile, profile, "profile"),
        empty_seg=not no_empty_seg,
        threshold=threshold,
        min_area_mm2=min_area_mm2,
        min_area_pixels=min_area_pixels,
    )
    modalities = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    paths = [Path(path) for path in inputs]
    _check_call(paths, Path(output), archive, selection)
    for address in filter(None, (archive, stow)):
        from mammoseg.send import check_address  # needed by few

        check_address(address, user=user, ca_bundle=ca_bundle)
    choice = PredictorChoice(bundle, None if weights is None else Path(weights), device, modalities)
    others = worker_count(len(find_inputs(paths, Path(output))[0]), workers) - 1
    with Standby(others, PREDICTOR_MODULE) as standby:
        predictor = choice()
        if weights is None:
            print(f"No weights are named; {predictor.weights_path} is used.", file=sys.stderr)  # type: ignore[attr-defined]
        if archive is not None:
            from mammoseg.dicomweb.fetch import fetch_studies  # needed by few

            paths += fetch_studies(
                archive, Path(output) / FETCHED, modalities=modalities, user=user, ca_bundle=ca_bundle, **selection
            )
        run_predictor(
            predictor,
            paths,
            Path(output),
            options=options,
            workers=workers,
            make_predictor=choice,
            take=standby.take,
            json=json,
            store=None if stow is None else partial(_store_results, to=stow, user=user, ca_bundle=ca_bundle),
        )


def run_predictor(
    predictor: MassPredictor,
    inputs: Sequence[Path],
    output: Path,
    *,
    options: Options = Options(),  # noqa: B008  # frozen
    workers: int | None = 1,
    make_predictor: Callable[[], MassPredictor] | None = None,
    take: Callable[[], WorkerProcess] = WorkerProcess,
    json: bool = False,
    store: Callable[[Sequence[Path]], None] | None = None,
) -> None:
    """Run `predictor` over `inputs`; see `predict`. The table and the page are written however the run ends.

    Args:
        make_predictor: makes the predictor of each further process; without it all is done in this one.
        take: gives those processes.
        store: called with the DICOM results of the run, those of an earlier run too, unless it was ended.
    """
    run = Run(
        algorithm_of(predictor, options), predictor.phantom_only, datetime.now(timezone.utc).replace(microsecond=0)
    )
    paths, passed_over = find_inputs(inputs, output)
    if run.phantom_only:
        print(f"WARNING: {PHANTOM_WARNING}", file=sys.stderr)
    items = list(zip(paths, unique_names(paths), strict=True))
    rows: dict[str, Row] = {}
    ended: MammosegError | None = None
    try:
        with _alone_in(output), tqdm(total=len(items), unit="file", disable=None) as progress:
            for name, row in _rows(items, predictor, run, output, options, workers, make_predictor, take):
                rows[name] = row
                progress.update()
                if row.status is Status.REFUSED and not json:
                    tqdm.write(f"{row.file}: {row.code}: {row.reason}", file=sys.stderr)
                elif row.notes and not json:
                    tqdm.write(f"{row.file}: note: {row.notes}", file=sys.stderr)
    except KeyboardInterrupt:
        ended = StoppedError(
            f"stopped; {len(rows)} of {len(items)} files are done and kept, the same command goes on from there."
        )
    except OutputError as error:
        ended = error
    in_order = [rows[name] for _, name in items if name in rows]
    try:
        write_table(in_order, output / "results.csv")
        write_page(in_order, run, output / "index.html")
    except OSError as error:
        ended = ended or OutputError(
            f"the table or page cannot be written to '{output}' ({error.strerror}); free space and run it again."
        )
    if json:
        print(*(json_format.dumps(asdict(row), ensure_ascii=False) for row in in_order), sep="\n")
    if ended is not None:
        raise ended
    if store is not None:
        store([output / file for row in in_order for file in row.results if file.endswith(".dcm")])
    _conclude(in_order, passed_over, output, quiet=json)


@contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Two runs in one folder would undo each other; what a killed one left half written is removed."""
    with output_errors(output), sole_writer(output, output / FOLDER / "lock"):
        for folder in (output, output / FOLDER, output / FOLDER / INSTANCES):
            remove_leftovers(folder)
        yield


def _rows(
    items: Sequence[tuple[Path, str]],
    predictor: MassPredictor,
    run: Run,
    output: Path,
    options: Options,
    workers: int | None,
    make_predictor: Callable[[], MassPredictor] | None,
    take: Callable[[], WorkerProcess],
) -> Iterator[tuple[str, Row]]:
    """Name and row of each file, those first that an earlier run has done."""
    records = Records.of(output, run, options)
    waiting = []
    for path, name in items:
        if row := records.find(path, name):
            yield name, row
        else:
            waiting.append((path, name))
    count = worker_count(len(waiting), workers)
    job = partial(_Recorded, run=run, output=output, options=options, records=records)
    if make_predictor and count > 1:
        single_thread = partial(_single_thread, make_predictor)
        here = job(partial(_single_thread, lambda: predictor))
        yield from run_in_workers(here, partial(job, single_thread), waiting, count, _died, take)
    elif waiting:
        here = job(lambda: predictor)
        yield from ((name, here(path, name)) for path, name in waiting)


def _single_thread(make_predictor: Callable[[], MassPredictor]) -> MassPredictor:
    """A predictor for one of several processes, which share the cores among them."""
    predictor = make_predictor()
    if torch := sys.modules.get("torch"):  # a predictor without a network has not imported it
        torch.set_num_threads(1)
    return predictor


class _Recorded:
    """A job that notes what it has done; made in the process that runs it."""

    def __init__(
        self,
        make_predictor: Callable[[], MassPredictor],
        *,
        run: Run,
        output: Path,
        options: Options,
        records: Records,
    ) -> None:
        self.job = FileJob(make_predictor(), run, output, options)
        self.records = records

    def __call__(self, path: Path, name: str) -> Row:
        row = self.job(path, name)
        if row.status is not Status.REFUSED:
            with output_errors(self.job.output):
                self.records.add(path, name, row)
        return row


def _died(path: Path) -> Row:
    return refused(
        path, "E_WORKER", "its process was ended from outside, perhaps for want of memory; try fewer --workers."
    )


def _store_results(paths: Sequence[Path], *, to: str, user: str | None, ca_bundle: str | None) -> None:
    from mammoseg.send import PartlySentError, store_to  # needed by few

    stored = store_to(list(paths), to, user=user, ca_bundle=ca_bundle)
    for result in stored:
        if not result.ok and result.path is not None:
            print(f"{printable(result.path)}: {result.code}: {result.reason}", file=sys.stderr)
    missing = sum(not result.ok for result in stored)
    if missing:
        raise PartlySentError(f"{missing} of {len(stored)} results are not in the archive; run the same command again.")
    print(f"{len(stored)} results are in the archive.", file=sys.stderr)


def _check_call(inputs: Sequence[Path], output: Path, archive: str | None, selection: Mapping[str, str]) -> None:
    if not inputs and archive is None:
        raise WrongCallError("no input is named; give mammograms or folders of them, or an archive with --from.")
    if selection and archive is None:
        raise WrongCallError(f"unknown option --{next(iter(selection))}; `mammoseg predict --help` names them.")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongCallError(
            f"output '{output}' cannot be made ({error.strerror}); name a folder to write to."
        ) from error


def _conclude(rows: Sequence[Row], passed_over: int, output: Path, *, quiet: bool) -> None:
    """Say what came out, and raise what the exit code follows from."""
    refused = sum(row.status is Status.REFUSED for row in rows)
    found = sum(row.status is Status.FOUND for row in rows)
    beside = f", {passed_over} passed over as no images" if passed_over else ""
    if not quiet:
        segmented = f"{len(rows) - refused} segmented ({found} with a mass)"
        print(f"{segmented}, {refused} refused{beside}: {output / 'index.html'}")
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
