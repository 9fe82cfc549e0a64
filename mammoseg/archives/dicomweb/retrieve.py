"""One instance out of an archive into a file: WADO-RS Retrieve Instance, PS3.18 10.4."""

from collections.abc import Iterator
from pathlib import Path

import requests
from pydicom.filereader import read_file_meta_info

from mammoseg.archives.dicomweb.client import Archive, ArchiveError, Instance, PassingError
from mammoseg.archives.dicomweb.multipart import MultipartError, parse_boundary, read_only_part
from mammoseg.border import passed_over
from mammoseg.dicom.parse import MOST_BYTES, open_dicom
from mammoseg.dicom.values import read_text
from mammoseg.files import atomic_path

ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""As stored, without decompression."""

MISSING_STATUSES = (204, 404, 410)
"""Answers of an archive that does not have what it is asked for."""


class RefusedInstanceError(ArchiveError):
    """The archive answers, but not with this instance; others may be had."""


def retrieve(archive: Archive, instance: Instance, path: Path, *, most_bytes: int = MOST_BYTES) -> bool:
    """Write the instance to `path`, byte for byte as the archive sends it, whole or not at all.

    Returns:
        False when the archive has no such instance.

    Raises:
        RefusedInstanceError: the answer is no DICOM, another instance or one of another series or study, or longer
            than `most_bytes`.
        ArchiveError: no whole answer after the last attempt.
    """
    return archive.session.attempt(lambda: _retrieve_once(archive, instance, path, most_bytes))


def retrieve_listed(archive: Archive, instance: Instance, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """As `retrieve`, of an instance that the archive lists.

    Raises:
        RefusedInstanceError: as `retrieve`, or the archive does not have it.
        ArchiveError: no whole answer after the last attempt.
    """
    if not retrieve(archive, instance, path, most_bytes=most_bytes):
        raise RefusedInstanceError(f"{archive.name} lists an instance and does not have it.")


def _retrieve_once(archive: Archive, instance: Instance, path: Path, most_bytes: int) -> bool:
    options = {"headers": {"Accept": ACCEPT}}
    with archive.session.open("GET", archive.build_instance_url(instance), options) as response:
        if response.status_code in MISSING_STATUSES:
            return False
        if response.status_code != 200:
            raise RefusedInstanceError(f"{archive.name} answers HTTP {response.status_code} for an instance.")
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            size = 0
            try:
                for block in _read_content(response, archive):
                    size += len(block)
                    if size > most_bytes:
                        raise RefusedInstanceError(
                            f"an instance has more than {most_bytes >> 20} MiB; no mammogram has."
                        )
                    file.write(block)
            except MultipartError as error:
                raise PassingError(str(error)) from None
            file.flush()
            held = _read_uids(temporary)
            if _read_meta_uid(temporary) != instance.sop or held not in (None, _list_uids(instance)):
                raise RefusedInstanceError(f"{archive.name} answers with something else than what was asked for.")
            if held is None and not _says_its_end(response):
                raise PassingError("breaks off its answer")
    return True


def is_whole(path: Path, instance: Instance) -> bool:
    """Whether the file holds this instance, of this series and study, to its end."""
    return _read_uids(path) == _list_uids(instance)


def _list_uids(instance: Instance) -> list[str]:
    return [instance.study, instance.series, instance.sop]


def _read_uids(path: Path) -> list[str] | None:
    """Study, series and SOP Instance UID of the data set, empty where they cannot be read; None of no whole file.

    The File Meta Information may name another instance than the data set, which may be of another patient.
    """
    uids: list[str] | None = None
    with passed_over():
        dataset = open_dicom(path)
        uids = []
        uids = [read_text(dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
    return uids


def _read_content(response: requests.Response, archive: Archive) -> Iterator[bytes]:
    """The bytes of the file, as one part of a message (PS3.18 8.7.8) or, as some archives do, bare."""
    blocks = archive.session.read_blocks(response)
    if boundary := parse_boundary(_read_content_type(response)):
        return read_only_part(blocks, boundary)
    if _read_content_type(response).partition(";")[0].strip().lower() == "application/dicom":
        return blocks
    raise RefusedInstanceError(f"{archive.name} answers with something that is no DICOM; check the address.")


def _says_its_end(response: requests.Response) -> bool:
    """Whether an answer that is cut short is told from a whole one: by its length, its last chunk or its boundary."""
    headers = response.headers
    return (
        "Content-Length" in headers
        or "Transfer-Encoding" in headers
        or bool(parse_boundary(_read_content_type(response)))
    )


def _read_content_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "")


def _read_meta_uid(path: Path) -> str:
    with passed_over():
        return str(read_file_meta_info(path).get("MediaStorageSOPInstanceUID", ""))
    return ""
