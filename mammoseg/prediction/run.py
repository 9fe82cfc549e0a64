"""A predictor over many files: what is done is not done again, and however a run ends, its table and page are there."""

import json as json_format
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from tqdm import tqdm

from mammoseg.counts import format_count
from mammoseg.data.find_images import say_no_file, say_passed_over
from mammoseg.data.records import FOLDER
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import NothingUsableError, OutputError, PartlyRefusedError, StoppedError
from mammoseg.files import output_errors, remove_leftovers, sole_writer
from mammoseg.folders import is_link
from mammoseg.prediction.file_job import FileJob, MassPredictor, build_asked_algorithm, make_refused_row
from mammoseg.prediction.instances import INSTANCES
from mammoseg.prediction.options import Options, Run
from mammoseg.prediction.page import write_page
from mammoseg.prediction.process import WorkerProcess
from mammoseg.prediction.records import Records, say_again, say_kept
from mammoseg.prediction.table import Row, Status, write_table
from mammoseg.prediction.workers import choose_worker_count, run_in_workers


@dataclass(frozen=True)
class Workers:
    """The processes that share the files of a run.

    Attributes:
        most: processes to use, see `mammoseg.prediction.workers.choose_worker_count`; None for one each core.
        make_predictor: makes the predictor of each further process; without it all is done in this one.
        take: gives those processes.
    """

    most: int | None = 1
    make_predictor: Callable[[], MassPredictor] | None = None
    take: Callable[[], WorkerProcess] = WorkerProcess


def run_over_files(
    predictor: MassPredictor,
    files: Sequence[Path],
    output: Path,
    *,
    options: Options,
    passed_over: int = 0,
    refused: Sequence[Row] = (),
    workers: Workers = Workers(),  # noqa: B008  # frozen
    json: bool = False,
    store: Callable[[Sequence[Path]], None] | None = None,
    list_remarks: Callable[[Sequence[Row], Algorithm], Sequence[str]] | None = None,
) -> None:
    """Run `predictor` over `files`; see `predict`. The table and the page are written however the run ends.

    Args:
        passed_over: how many files the search has left out, which the last sentence says.
        refused: rows of what was asked for beside `files` and could not be had.
        workers: the processes that share the files.
        json: print one JSON record for each file instead of sentences.
        store: called with the DICOM results of the run, those of an earlier run too, unless it was ended.
        list_remarks: sentences to say on stderr of all rows together, unless it was ended.

    Raises:
        StoppedError: Ctrl-C; what is done is kept.
        OutputError: a result, the table or the page cannot be written.
    """
    when = datetime.now(timezone.utc).replace(microsecond=0)
    run = Run(build_asked_algorithm(predictor, options), when, output, options)
    if run.algorithm.warning:
        print(f"WARNING: {run.algorithm.warning}", file=sys.stderr)
    records = Records.from_run(run)
    rows: dict[str, Row] = {}
    ended: Exception | None = None
    with _alone_in(output):
        items = list(zip(files, records.choose_names(files), strict=True))
        try:
            with (
                closing(_collect_rows(items, predictor, records, run, workers)) as coming,
                tqdm(total=len(items), unit="file", disable=None) as progress,
            ):
                for row in () if json else refused:
                    _say_row(row)
                for name, row in coming:
                    rows[name] = row
                    progress.update()
                    if not json:
                        _say_row(row)
        except KeyboardInterrupt:
            ended = StoppedError(
                f"stopped; {len(rows)} of {format_count(len(items), 'file')} done and kept, the same command goes on."
            )
        except Exception as error:  # whatever it is, it is raised below
            ended = error
        in_order = [*refused, *(rows[name] for _, name in items if name in rows)]
        try:
            _write_table_and_page([*refused, *_with_earlier(rows, items, records)], run)
        except OutputError as error:
            ended = ended or error
        if json:
            print(*(json_format.dumps(asdict(row), ensure_ascii=False) for row in in_order), sep="\n")
        if ended is not None:
            raise ended
    for remark in list_remarks(in_order, run.algorithm) if list_remarks else ():
        print(remark, file=sys.stderr)
    if store is not None:
        store([output / file for row in in_order for file in row.results if file.endswith(".dcm")])
    _finish(in_order, passed_over, output, quiet=json)


@contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Two runs in one folder would undo each other; what a killed one left half written is removed."""
    records, claims = output / FOLDER, output / FOLDER / INSTANCES
    for folder in (records, claims):
        if is_link(folder):
            raise OutputError(f"'{folder}' is a link, so records would be changed elsewhere; remove it and run again.")
    with output_errors(output), sole_writer(output, records / "lock"):
        for folder in (output, records, claims):
            remove_leftovers(folder)
        yield


def _with_earlier(rows: Mapping[str, Row], items: Sequence[tuple[Path, str]], records: Records) -> list[Row]:
    """Rows of `items`, those that a run did not come to as an earlier one left them, then all others of earlier ones.

    Args:
        rows: those that the run came to, by name.
    """
    known = {**dict(records.list_standing(without=rows)), **rows}
    return [*(known.pop(name) for _, name in items if name in known), *known.values()]


def _collect_rows(
    items: Sequence[tuple[Path, str]],
    predictor: MassPredictor,
    records: Records,
    run: Run,
    workers: Workers,
) -> Generator[tuple[str, Row], None, None]:
    """Name and row of each file, those first that an earlier run has done."""
    waiting, engines, before = [], Counter[str | None](), Counter[str]()
    for path, name in items:
        if row := records.find(path, name):
            engines[row.engine] += 1
            yield name, row
        else:
            waiting.append((path, name))
            before.update(filter(None, [records.find_precision_before(name)]))
    if kept := len(items) - len(waiting):
        of_all = f"{kept} of {format_count(len(items), 'file')}"
        tqdm.write(say_kept(of_all, engines, run.algorithm.engine), file=sys.stderr)
    if said := say_again(before, run.algorithm.precision):
        tqdm.write(said, file=sys.stderr)
    count = choose_worker_count(len(waiting), workers.most)
    job = partial(_Recorded, run=run, records=records)
    if workers.make_predictor and count > 1:
        other = partial(job, partial(make_single_threaded, workers.make_predictor))
        here = job(partial(make_single_threaded, lambda: predictor))
        yield from run_in_workers(here, other, waiting, count, make_died_row, workers.take)
    elif waiting:
        here = job(lambda: predictor)
        yield from ((name, here(path, name)) for path, name in waiting)


def make_single_threaded(make_predictor: Callable[[], MassPredictor]) -> MassPredictor:
    """A predictor for one of several processes, which share the cores among them."""
    predictor = make_predictor()
    if limit := getattr(predictor, "limit_threads", None):  # a predictor without a network has none
        limit(1)
    return predictor


class _Recorded:
    """A job that notes what it has done; made in the process that runs it."""

    def __init__(
        self,
        make_predictor: Callable[[], MassPredictor],
        *,
        run: Run,
        records: Records,
    ) -> None:
        self.job = FileJob(make_predictor(), run)
        self.records = records

    def __call__(self, path: Path, name: str) -> Row:
        row, sha256 = self.job(path, name)
        with output_errors(self.job.run.output):
            if sha256 is not None:
                self.records.add(path, sha256, name, row)
            else:
                self.records.remove_outdated(path, name)
        return row


def make_died_row(path: Path) -> Row:
    """Row of a file whose process was ended from outside."""
    return make_refused_row(
        path, "E_WORKER", "its process was ended from outside, perhaps for want of memory; try fewer --workers."
    )


def _say_row(row: Row) -> None:
    """Say why a file is refused, else what to know of it, and why nothing was found where something was near."""
    if row.status is Status.REFUSED:
        tqdm.write(f"{row.file}: {row.code}: {row.reason}", file=sys.stderr)
        return
    nothing = f"{row.status.value}; left out: {row.left_out}" if row.left_out and not row.lesions else None
    if remarks := "; ".join(filter(None, (nothing, row.notes))):
        tqdm.write(f"{row.file}: note: {remarks}", file=sys.stderr)


def _write_table_and_page(rows: Sequence[Row], run: Run) -> None:
    with output_errors(run.output):
        write_table(rows, run.output / "results.csv")
        write_page(rows, run, run.output / "index.html")


def _finish(rows: Sequence[Row], passed_over: int, output: Path, *, quiet: bool) -> None:
    """Say what came out, and raise what the exit code follows from."""
    refused = sum(row.status is Status.REFUSED for row in rows)
    found = sum(row.status is Status.FOUND for row in rows)
    beside = say_passed_over(passed_over)
    if not quiet:
        segmented = f"{len(rows) - refused} segmented ({found} with a mass)"
        print(f"{segmented}, {refused} refused{beside}: {output / 'index.html'}")
    if refused == len(rows):
        raise NothingUsableError(
            f"none of {format_count(len(rows), 'file')} could be used; the reasons are in {output / 'results.csv'}."
            if rows
            else say_no_file(passed_over)
        )
    if refused:
        raise PartlyRefusedError(
            f"{refused} of {format_count(len(rows), 'file')} refused; the reasons are in {output / 'results.csv'}."
        )
