"""Results into an archive by STOW-RS (PS3.18 10.5): believed only when the archive names each instance as stored.

Orthanc answers 200 to an empty request, and success for a UID that it holds with other content, which it keeps. So each
instance is asked for before it is sent, and both sequences of the answer are read.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmwrite
from tqdm import tqdm

from mammoseg.archives.dicomweb.client import Archive, ArchiveError, Instance, connect
from mammoseg.archives.dicomweb.multipart import encode_parts
from mammoseg.archives.dicomweb.retrieve import RefusedInstanceError, retrieve
from mammoseg.archives.dicomweb.status import ALREADY_THERE, say_failure
from mammoseg.archives.dicomweb.stored import Stored, StoreStatus, open_checked
from mammoseg.border import passed_over
from mammoseg.dicom.parse import open_dicom, read_bytes
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.write import hash_content
from mammoseg.errors import InputRefusedError

BATCH_FILES = 8
BATCH_BYTES = 2**25
"""A request carries at most so many files, and is closed once it has so many bytes."""

NO_SERVICE = (404, 405, 501)
"""Answers of a page that is no DICOMweb, or only to be read; PS3.18 10.5.3.1 gives a store none of them."""

REFERENCED_SOPS, FAILED_SOPS = "00081199", "00081198"
SOP_UID, FAILURE_REASON = "00081155", "00081197"

OTHER_CONTENT = "the archive holds other content under the same UID and keeps it; delete it there, or send elsewhere."


def store_files(
    url: str,
    paths: Sequence[Path | str],
    *,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    verify: bool = False,
) -> list[Stored]:
    """Store files in the archive at `url`; see `connect` and `store`."""
    archive = connect(url, user=user, ca_bundle=ca_bundle)
    return store([Path(path) for path in paths], archive, verify=verify)


@no_header_values_in_warnings()
def store(datasets_or_paths: Sequence[Dataset | Path], archive: Archive, *, verify: bool = False) -> list[Stored]:
    """Store instances as they are, and say what became of each, in their order.

    The same call again is safe: what the archive holds with the same content (times apart) is kept. When the archive
    fails for good, the rest is refused with ``E_ARCHIVE`` and not tried.

    Args:
        verify: fetch each instance again and compare its content.

    Raises:
        WrongCallError: the archive refuses user or password.
    """
    results: dict[int, Stored] = {}
    with tqdm(total=len(datasets_or_paths), unit="file", desc="store", disable=None) as progress:
        failure = ""
        for batch in _group_items(datasets_or_paths, results):
            try:
                if not failure:
                    _store_batch(batch, archive, results, verify=verify)
            except ArchiveError as error:
                failure = str(error)
            for item in batch:
                if item.index not in results:
                    results[item.index] = item.stored.as_refused("E_ARCHIVE", failure, has_answer=False)
            progress.update(len(results) - progress.n)
        progress.update(len(results) - progress.n)
    return [results[index] for index in range(len(datasets_or_paths))]


@dataclass(frozen=True)
class _Item:
    """One instance on its way."""

    index: int
    source: Dataset | Path
    instance: Instance
    content: bytes

    @property
    def stored(self) -> Stored:
        path = self.source if isinstance(self.source, Path) else None
        return Stored(path, self.instance.sop, StoreStatus.STORED)

    def hash_content(self) -> str:
        return hash_content(open_dicom(self.source) if isinstance(self.source, Path) else self.source)


def _group_items(sources: Sequence[Dataset | Path], results: dict[int, Stored]) -> Iterator[list[_Item]]:
    """Items in small groups, no UID twice in one; what cannot be read gets its result here."""
    batch: list[_Item] = []
    for index, source in enumerate(sources):
        try:
            _, instance = open_checked(source)
            item = _Item(index, source, instance, _encode(source))
        except InputRefusedError as error:
            path = source if isinstance(source, Path) else None
            results[index] = Stored(path, "", StoreStatus.REFUSED, error.code, error.reason)
            continue
        if instance.sop in (other.instance.sop for other in batch):
            yield batch
            batch = []
        batch.append(item)
        if len(batch) == BATCH_FILES or sum(len(item.content) for item in batch) > BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _encode(source: Dataset | Path) -> bytes:
    if isinstance(source, Path):
        return read_bytes(source)
    buffer = BytesIO()
    dcmwrite(buffer, source, enforce_file_format=True)
    return buffer.getvalue()


def _store_batch(batch: Sequence[_Item], archive: Archive, results: dict[int, Stored], *, verify: bool) -> None:
    missing = []
    for item in batch:
        if standing := _compare(item, archive):
            results[item.index] = standing
        else:
            missing.append(item)
    if not missing:
        return
    answer = _send(missing, archive)
    for item in missing:
        status = answer.statuses.get(item.instance.sop)
        if status == 0:
            results[item.index] = _verify(item, archive) if verify else item.stored
        elif status == ALREADY_THERE:  # it came by another way, or by an attempt whose answer was lost
            results[item.index] = _compare(item, archive) or item.stored.as_refused("E_ARCHIVE", say_failure(status))
        elif status is not None:
            reason = f"the archive refuses it: {say_failure(status)}."
            results[item.index] = item.stored.as_refused("E_ARCHIVE", reason)
        elif len(missing) > 1:  # one damaged file makes some archives refuse all of a request
            _store_batch([item], archive, results, verify=verify)
        else:
            reason = f"the archive does not say that it stored it (HTTP {answer.http_status})."
            results[item.index] = item.stored.as_refused("E_ARCHIVE", reason)


def _compare(item: _Item, archive: Archive) -> Stored | None:
    """What the archive's own instance of this UID means for the item; None when it has none."""
    with tempfile.TemporaryDirectory(prefix="mammoseg-") as folder:
        path = Path(folder) / "standing.dcm"
        try:
            if not retrieve(archive, item.instance, path):
                return None
        except RefusedInstanceError as error:
            return item.stored.as_refused("E_ARCHIVE", str(error))
        if _hash_if_whole(path) == item.hash_content():
            return replace(item.stored, status=StoreStatus.KEPT, verified=True)
    return item.stored.as_refused("E_DUPLICATE_UID", OTHER_CONTENT)


def _hash_if_whole(path: Path) -> str | None:
    """Digest of what the archive sent; None for a damaged file, which is not the same as any other."""
    with passed_over():
        return hash_content(open_dicom(path))
    return None


def _verify(item: _Item, archive: Archive) -> Stored:
    standing = _compare(item, archive)
    if standing is None or not standing.ok:
        return item.stored.as_refused("E_ARCHIVE", "the archive said stored, and does not give the same content back.")
    return replace(item.stored, verified=True)


@dataclass(frozen=True)
class _Answer:
    """Status of each instance that the archive names: 0 or its Failure Reason."""

    http_status: int
    statuses: dict[str, int]


def _send(items: Sequence[_Item], archive: Archive) -> _Answer:
    body, content_type = encode_parts([item.content for item in items])
    headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
    response = archive.session.post(f"{archive.url}/studies", data=body, headers=headers)
    if response.status_code in NO_SERVICE:
        raise ArchiveError(f"{archive.name} stores nothing at this address (HTTP {response.status_code}); check it.")
    try:
        answer = json.loads(response.content)
        statuses = {_read_value(named, SOP_UID): 0 for named in _read_sequence(answer, REFERENCED_SOPS)}
        statuses |= {_read_value(named, SOP_UID): _read_failure(named) for named in _read_sequence(answer, FAILED_SOPS)}
    except MemoryError:
        raise
    except Exception:
        if not response.ok:
            return _Answer(response.status_code, {})
        raise ArchiveError(f"{archive.name} answers a store with no DICOM JSON; check the address.") from None
    return _Answer(response.status_code, statuses)


def _read_sequence(answer: Any, tag: str) -> list[Any]:
    """Items of a sequence in DICOM JSON (PS3.18 F.2.2), none where it is absent."""
    return answer.get(tag, {}).get("Value", [])


def _read_failure(item: Any) -> int:
    """Failure Reason of an item: 16 bits, never the 0 of what is stored; "272" and 272.0 are read too."""
    value = _read_value(item, FAILURE_REASON)
    if not 0 < (status := int(value)) == float(value) < 2**16:
        raise ValueError("no Failure Reason")
    return status


def _read_value(item: Any, tag: str) -> Any:
    return item[tag]["Value"][0]
