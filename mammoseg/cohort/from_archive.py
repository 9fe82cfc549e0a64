"""The mammograms of a DICOMweb query as items: some are fetched ahead of their turn, and their copies removed after."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from mammoseg.archives.dicomweb.client import Archive, ArchiveError, Instance, connect
from mammoseg.archives.dicomweb.fetch import require_mammograms
from mammoseg.archives.dicomweb.retrieve import RefusedInstanceError, is_whole, retrieve_listed
from mammoseg.cohort.items import CohortItem, name_results
from mammoseg.cohort.run import IMAGES, Cohort
from mammoseg.data.identifiers import hash_with_key, load_key, locate_key_file
from mammoseg.files import output_errors
from mammoseg.prediction.file_job import make_refused_row
from mammoseg.prediction.table import Row

WAITS_SECONDS = (1.0, 2.0, 4.0, 10.0, 20.0, 40.0, 60.0)
"""Before each further attempt to reach the archive; more than two minutes together."""
AT_ONCE = 4
"""Instances that are fetched at a time, ahead of their turn."""

MOST_FAILURES = 8
"""Instances in a row for which the archive does not answer; then it is away, and the run ends."""


def with_archive(
    cohort: Cohort,
    url: str,
    output: Path,
    modalities: Sequence[str],
    login: Mapping[str, Any],
    selection: Mapping[str, str | None],
) -> Cohort:
    """The cohort, and then the instances that a search in an archive finds.

    Args:
        url: DICOMweb root of the archive.
        output: folder of the cohort.
        modalities: DICOM modalities of the series to take.
        login: ``user`` and ``ca_bundle``, see `mammoseg.archives.dicomweb.client.connect`.
        selection: ``study``, ``patient`` and ``date``, see `require_mammograms`.

    Raises:
        NothingUsableError: nothing matches; the text says why.
        ArchiveError: the archive does not answer.
        WrongCallError: the address, a filter or the password is wrong.
    """
    archive = connect(url, waits=WAITS_SECONDS, **login)
    found = require_mammograms(archive, modalities=modalities, **selection)
    source = _Source(archive, {instance.sop: instance for instance in found})
    items = source.list_items(output / IMAGES)
    both, count = chain(cohort.items, items), cohort.count + len(found)
    return replace(cohort, items=both, count=count, fetch=source.fetch, release=source.release)


@dataclass(frozen=True)
class _Source:
    archive: Archive
    instances: Mapping[str, Instance]

    def list_items(self, images: Path) -> Iterator[CohortItem]:
        key = load_key(locate_key_file())
        for sop in self.instances:
            path = images / f"{hash_with_key(sop, key)}.dcm"
            yield CohortItem(sop, path, name_results(sop, path))

    def fetch(self, items: Iterable[CohortItem]) -> Iterator[tuple[CohortItem, Row | None]]:
        """See `Cohort.fetch`.

        Raises:
            ArchiveError: the archive stays away.
        """
        failures = 0
        for item, error in _fetch_ahead(self._fetch_one, items):
            failures = failures + 1 if error and not isinstance(error, RefusedInstanceError) else 0
            if failures == MOST_FAILURES:
                raise ArchiveError(
                    f"{error} So it was for {failures} images in a row; what is done is kept, the same command goes on."
                )
            yield item, make_refused_row(item.path, "E_ARCHIVE", str(error)) if error else None

    def _fetch_one(self, item: CohortItem) -> ArchiveError | None:
        """Why an item cannot be had."""
        instance = self.instances.get(item.key)
        if instance is None:  # a file
            return None
        try:
            with output_errors(item.path):
                if not is_whole(item.path, instance):
                    retrieve_listed(self.archive, instance, item.path)
        except ArchiveError as error:
            return error
        return None

    def release(self, item: CohortItem) -> None:
        if item.key in self.instances:
            item.path.unlink(missing_ok=True)


def _fetch_ahead(
    fetch_one: Callable[[CohortItem], ArchiveError | None], items: Iterable[CohortItem]
) -> Iterator[tuple[CohortItem, ArchiveError | None]]:
    """Each item and what `fetch_one` gives for it, in their order, `AT_ONCE` at a time."""
    with ThreadPool(AT_ONCE) as threads:  # whose threads keep no process from its end, as those of an executor do
        coming = ((item, threads.apply_async(fetch_one, [item])) for item in items)
        waiting = deque(islice(coming, AT_ONCE))
        while waiting:
            item, result = waiting.popleft()
            yield item, result.get()
            waiting.extend(islice(coming, 1))
