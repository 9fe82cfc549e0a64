"""A predictor over the mammograms of a cohort: every one is done once, whatever dies meanwhile."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mammoseg.archives.dicomweb.client import ArchiveError
from mammoseg.cohort.items import CohortItem
from mammoseg.cohort.job import RESULTS
from mammoseg.cohort.ledger import Ledger
from mammoseg.cohort.parquet import build_table_row, with_copies, write_parquet
from mammoseg.cohort.storing import Storing
from mammoseg.counts import format_count
from mammoseg.data.find_images import say_passed_over
from mammoseg.data.records import FOLDER
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import NothingUsableError, PartlyRefusedError, StoppedError
from mammoseg.files import output_errors, remove_leftovers, sole_writer, write_json
from mammoseg.folders import is_plain_file
from mammoseg.prediction.instances import INSTANCES
from mammoseg.prediction.options import Run
from mammoseg.prediction.page import write_page_of
from mammoseg.prediction.records import Records, say_again, say_kept
from mammoseg.prediction.table import Row, Status

LEDGER, TABLE, SUMMARY, PAGE = "ledger.jsonl", "cohort.parquet", "summary.json", "index.html"
"""Files of the output folder, beside the folder of the results."""

IMAGES = "images"
"""Folder of the output folder for copies of what an archive has."""

Over = Callable[[Iterable[tuple[Path, str]]], Iterator[tuple[str, Row]]]
"""The processes, with their job: takes paths and names, and gives name and row as they end."""


@dataclass(frozen=True)
class Cohort:
    """What a run has to do.

    Attributes:
        items: the mammograms; looked at once, as they are needed.
        count: how many there are.
        passed_over: how many files the search has left out, which the last sentence says.
        fetch: gives those that are not done as they can be read, and the row of one that cannot; an `ArchiveError` says
            that the rest cannot be had now.
        release: called with each item that has ended.
    """

    items: Iterable[CohortItem]
    count: int
    passed_over: int = 0
    fetch: Callable[[Iterable[CohortItem]], Iterator[tuple[CohortItem, Row | None]]] = lambda items: (
        (item, None) for item in items
    )
    release: Callable[[CohortItem], None] = lambda item: None


def run_cohort(
    cohort: Cohort,
    run: Run,
    processes: Callable[[Run], Over],
    *,
    storing: Callable[[Callable[[str], None]], Storing] | None = None,
    stow: str | None = None,
    list_remarks: Callable[[Iterable[Row], Algorithm], Iterable[str]] | None = None,
) -> None:
    """Do what is not done yet; then write table and page and say what came out, however the run ends.

    Args:
        run: what holds for all; `run.output` is the folder of the cohort.
        processes: makes the processes, out of the run.
        storing: makes what stores the results in an archive, out of what notes that it has them.
        stow: root of that archive, by which it is known which results it has.
        list_remarks: sentences to say on stderr of all rows together, unless it was ended; goes through them once.

    Raises:
        NothingUsableError: there was no mammogram in `cohort`, or all were refused.
        PartlyRefusedError: some were refused, lost, or not stored.
        ArchiveError: the archive stays away; what came before is done and kept.
        StoppedError: Ctrl-C; what is done is kept.
        OutputError: results, ledger or table cannot be written.
    """
    output = run.output
    claims = output / FOLDER / INSTANCES
    run = replace(run, claims=claims)
    with output_errors(output), sole_writer(output, output / FOLDER / "lock"):
        for folder in (
            output,
            claims,
            output / IMAGES,
            *(output / RESULTS).glob("*"),
            *(output / RESULTS).glob(f"*/{FOLDER}"),
        ):
            remove_leftovers(folder)
        with Ledger(output / LEDGER, Records.from_run(run).settings, archive=stow).open() as ledger:
            try:
                store = storing(ledger.add_stored) if storing else None
                with tqdm(total=cohort.count, unit="image", disable=None, smoothing=0.05) as progress:
                    call = _Call(cohort, run, ledger, store, progress)
                    call.segment_and_store(processes(run))
            except KeyboardInterrupt:
                raise StoppedError("stopped; what is done is kept, the same command goes on.") from None
            finally:
                counts = _write_table(ledger, output)
                _write_page(counts, cohort, run)
            rows = (row for _, _, row in ledger.read_rows())
            for remark in list_remarks(rows, run.algorithm) if list_remarks else ():
                print(remark, file=sys.stderr)
    _finish(call.counts, len(call.running), output, say_passed_over(cohort.passed_over))


@dataclass
class _Call:
    """What one call does to each of its mammograms.

    Attributes:
        running: those that did not end yet, by name.
        counts: how those that are done ended, by this call or before.
        ended: why no more come.
    """

    cohort: Cohort
    run: Run
    ledger: Ledger
    store: Storing | None
    progress: "tqdm[Any]"
    running: dict[str, CohortItem] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    ended: ArchiveError | None = None

    def segment_and_store(self, over: Over) -> None:
        """Do what is not done; store what is, whoever did it.

        Raises:
            ArchiveError: the archive stays away; what came before is done.
        """
        for name, row in over(self._list_coming()):
            self._end(self.running.pop(name), row)
        if self.ended:
            raise self.ended
        if self.store:
            self.store.finish()

    def _list_coming(self) -> Iterator[tuple[Path, str]]:
        try:
            for item, row in self.cohort.fetch(self._skip_done()):
                if row:
                    self._end(item, row)
                    continue
                self.running[item.name] = item
                yield item.path, item.name
        except ArchiveError as error:
            self.ended = error

    def _skip_done(self) -> Iterator[CohortItem]:
        kept, engines, before = 0, Counter[str | None](), Counter[str]()
        for item in self.cohort.items:
            row = self.ledger.find_row(item)
            if row and all(map(is_plain_file, _list_files(self.run.output, item.name, row))):
                kept += 1
                engines.update([row.engine] if row.status is not Status.REFUSED else [])
                self._count(item, row)
            else:
                before.update(filter(None, [self.ledger.find_precision_before(item)]))
                yield item
        if said := say_again(before, self.run.algorithm.precision):
            tqdm.write(said, file=sys.stderr)
        if kept:
            said = say_kept(format_count(kept, "mammogram"), engines, self.run.algorithm.engine)
            tqdm.write(said, file=sys.stderr)

    def _end(self, item: CohortItem, row: Row) -> None:
        self.ledger.add(item, row)
        self.cohort.release(item)
        if row.status is Status.REFUSED:
            tqdm.write(f"{row.file}: {row.code}: {row.reason}", file=sys.stderr)
        self._count(item, row)

    def _count(self, item: CohortItem, row: Row) -> None:
        self.counts[row.code or row.status.value] += 1
        self.progress.update()
        files = [file for file in _list_files(self.run.output, item.name, row) if file.suffix == ".dcm"]
        if self.store and files and not self.ledger.is_stored(item.key):
            self.store.add(item.key, files)


def _list_files(output: Path, name: str, row: Row) -> list[Path]:
    """Files that the row of a mammogram names, with the picture."""
    folder = (output / RESULTS / name).parent
    return [folder / file for file in (*row.results, row.overlay) if file]


def _write_table(ledger: Ledger, output: Path) -> Counter[str]:
    """Write table and summary, and count the outcomes."""
    counts: Counter[str] = Counter()

    def build_rows() -> Iterator[dict[str, object]]:
        for key, name, row, copy_of in with_copies(ledger.read_rows()):
            counts[row.code or row.status.value] += 1
            folder = f"{RESULTS}/{name.partition('/')[0]}"
            yield build_table_row(key, folder, row, copy_of=copy_of, stored=ledger.is_stored(key))

    write_parquet(build_rows(), output / TABLE)
    write_json(output / SUMMARY, {"mammograms": counts.total(), "outcomes": dict(counts.most_common())})
    return counts


def _write_page(counts: Counter[str], cohort: Cohort, run: Run) -> None:
    """Write the page of how many ended how; a table of an earlier run may count files that are not asked for now."""
    write_page_of(
        "cohort.html",
        run.output / PAGE,
        run,
        Path(__file__).parent,
        counts=counts,
        of=max(cohort.count, counts.total()),
        found=counts[Status.FOUND.value],
        nothing=counts[Status.NOTHING.value],
        passed_over=say_passed_over(cohort.passed_over),
        table=TABLE,
        summary=SUMMARY,
        ledger=LEDGER,
        results=RESULTS,
        Status=Status,
    )


def _finish(counts: Counter[str], lost: int, output: Path, beside: str) -> None:
    found, nothing = counts[Status.FOUND.value], counts[Status.NOTHING.value]
    refused = counts.total() - found - nothing
    segmented = f"{found + nothing} segmented ({found} with a mass)"
    print(f"{segmented}, {refused} refused{beside}, {lost} not done: {output / PAGE}, {TABLE} beside it")
    if not found + nothing:
        raise NothingUsableError(f"no mammogram could be used; the reasons are in {output / TABLE}.")
    if refused or lost:
        reasons = ", ".join(f"{code} {number}" for code, number in counts.most_common() if code.startswith("E_"))
        raise PartlyRefusedError(
            f"{refused} refused ({reasons or 'none'}), {lost} not done; {output / TABLE} has the reasons. Run the same "
            "command again for those that were not done, or that failed with their process, storage or archive."
        )
