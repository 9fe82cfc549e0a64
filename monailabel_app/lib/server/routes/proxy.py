"""`/proxy/dicom`: reading in the configured archive for OHIF, PS3.18 10.4 and 10.6; nothing else is let through."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import requests
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from urllib3.exceptions import HTTPError

from mammoseg.archives.dicomweb.client import Archive, ArchiveError, PassingError
from mammoseg.dicom.gate import is_uid
from mammoseg.errors import WrongCallError
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server.routes import Viewer

router = APIRouter(prefix="/proxy", tags=["Others"])

UID = "([0-9.]{1,64})"
BULK = "bulk/[0-9A-Fa-f]{8}(?:/[0-9]{1,4}/[0-9A-Fa-f]{8}){0,8}"
FRAMES = "frames/[0-9]{1,6}(?:,[0-9]{1,6}){0,63}(?:/rendered|/thumbnail)?"
PATHS = re.compile(
    "studies|series|instances"
    f"|studies/{UID}(?:/metadata|/series|/instances|/rendered|/thumbnail)?"
    f"|studies/{UID}/series/{UID}(?:/metadata|/instances|/rendered|/thumbnail)?"
    f"|studies/{UID}/series/{UID}/instances/{UID}(?:/metadata|/rendered|/thumbnail|/{FRAMES}|/{BULK})?"
)
"""What OHIF asks for."""

QUERY_NAME = re.compile(r"[0-9A-Fa-f]{8}(\.[0-9A-Fa-f]{8}){0,3}|[A-Za-z]{1,64}")
MOST_QUERY = 32
MOST_QUERY_VALUE = 1024
MOST_JSON_BYTES = 2**26

PASSED_STATUSES = (200, 204, 206, 400, 404, 406, 410)
PASSED_HEADERS = ("Content-Type", "Content-Length")


@router.get("/dicom/{path:path}", summary="Search and read in the archive")
def read(person: Viewer, request: Request, path: str) -> Response:
    """Answer what the archive answers to a search or a retrieval, with its addresses led through here.

    Raises:
        HttpError: 400; the query is none of DICOMweb; 404; the path is none, or there is no archive; 503; the archive
            does not answer, or answers with what DICOMweb does not know.
    """
    archive: Archive | None = request.app.state.archive
    if archive is None:
        raise HttpError(404, "E_NO_ARCHIVE", "the images come from a folder; there is no archive behind this server.")
    service, _, rest = path.partition("/")
    path = rest if service in ("qido", "wado") else path
    _check(request, path)
    options = {"headers": {"Accept": _read_accept(request)}, "params": request.query_params.multi_items()}
    with _refused_as_away():
        response = archive.session.open("GET", f"{archive.url}/{path}", options)
    if response.status_code not in PASSED_STATUSES:
        response.close()
        raise HttpError(503, "E_ARCHIVE", "the archive answers with something that DICOMweb does not know.")
    if "json" in response.headers.get("Content-Type", ""):
        return _answer_json(response, archive, str(request.base_url))
    blocks = _read_blocks(response, archive)
    with _refused_as_away():
        first = next(blocks, b"")  # of what comes after it the status is sent already
    headers = {name: response.headers[name] for name in PASSED_HEADERS if name in response.headers}
    return StreamingResponse(chain([first], blocks), response.status_code, headers)


@contextmanager
def _refused_as_away() -> Iterator[None]:
    """A block that asks the archive, or reads its answer; what that raises is HTTP 503."""
    try:
        yield
    except (requests.RequestException, HTTPError, PassingError, ArchiveError, WrongCallError):
        raise HttpError(503, "E_ARCHIVE", "the archive does not answer, or refuses this server.") from None


def _check(request: Request, path: str) -> None:
    """Refuse what is no path of DICOMweb, before anything is sent.

    Raises:
        HttpError: 404 for the path, 400 for the query.
    """
    found = PATHS.fullmatch(path)
    is_encoded = b"%" in request.scope.get("raw_path", b"").partition(b"?")[0]
    if is_encoded or not found or not all(is_uid(uid) for uid in found.groups() if uid is not None):
        raise HttpError(404, "E_PATH", "this is no path of DICOMweb that a viewer needs.")
    query = request.query_params.multi_items()
    is_sound = all(
        QUERY_NAME.fullmatch(name) and len(text) <= MOST_QUERY_VALUE and text.isprintable() for name, text in query
    )
    if len(query) > MOST_QUERY or not is_sound:
        raise HttpError(400, "E_QUERY", "the search has a key or value that DICOMweb does not know.")


def _read_accept(request: Request) -> str:
    text = request.headers.get("accept", "*/*")
    return text if text.isascii() and text.isprintable() and len(text) < 1000 else "*/*"


def _answer_json(response: requests.Response, archive: Archive, here: str) -> Response:
    """Bulk data is named by whole addresses of the archive, which must lead through here."""
    body = bytearray()
    with _refused_as_away():
        for block in _read_blocks(response, archive):
            body += block
            if len(body) > MOST_JSON_BYTES:
                raise HttpError(503, "E_ARCHIVE", "the archive's answer is too long; search for less.")
    content = bytes(body).replace(archive.url.encode(), f"{here}proxy/dicom/wado".encode())
    return Response(content, response.status_code, media_type=response.headers["Content-Type"])


def _read_blocks(response: requests.Response, archive: Archive) -> Iterator[bytes]:
    with response:
        yield from archive.session.read_blocks(response)
