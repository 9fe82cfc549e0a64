"""Errors on their way to a client: JSON with a code and an id, never a traceback, a path or a value from a header."""

import logging
import re
import secrets
import traceback
from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException, MONAILabelException
from starlette.exceptions import HTTPException

from mammoseg.archives.dicomweb.client import ArchiveError
from mammoseg.errors import InputRefusedError, MammosegError
from mammoseg.interactive.prompts import PromptError
from monailabel_app.lib.audit import AuditLogError
from monailabel_app.lib.disk import SENTENCE, is_full

logger = logging.getLogger(__name__)

STATUS_CODES = {400: "E_REQUEST", 404: "E_UNKNOWN", 405: "E_METHOD", 413: "E_TOO_LARGE", 422: "E_REQUEST"}
"""For refusals by FastAPI itself, which name none."""

LOGIN_PAGE = "/login"

PATH = re.compile(r"(?<![\w:/])(?:/[\w.@+~-]+){2,}/?")

PRINTED_FRAME = re.compile(r'^  File "(.+\.py)", line (\d+), in (\S+)$', re.MULTILINE)
"""A line of a traceback; what comes after it may quote a header."""

UNKNOWN = "there is no such image or label."


class HttpError(HTTPException):
    """A refusal.

    Args:
        status: 400 malformed, 401 no login, 403 not your role, 404 unknown, 408 too slow, 409 conflict, 413 too large,
            422 cannot be used, 429 too many, 503 not now, 507 no room on the disk.
        code: stable name for programs, ``E_...``.
        reason: one sentence without any value that could identify a patient.
    """

    def __init__(self, status: int, code: str, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, reason, headers)
        self.code = code


class BadValueError(ValueError):
    """A value from a client breaks its grammar; FastAPI collects it and `answer` makes it HTTP 400."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def answer(request: Request, error: Exception) -> Response:
    """The answer to any error; those that are nobody's request go to the log as places in the code, without values."""
    if isinstance(error, AuditLogError):
        return _answer_json(507 if is_full(error) else 503, "E_AUDIT", str(error))
    if is_full(error):
        logger.error("the disk is full: %s at %s", type(error).__name__, say_places(error))
        return _answer_json(507, "E_DISK_FULL", SENTENCE)
    if isinstance(error, HTTPException):
        if error.status_code == 401 and _wants_page(request):
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{LOGIN_PAGE}?next={quote(asked)}", 303)
        code = getattr(error, "code", STATUS_CODES.get(error.status_code, "E_REQUEST"))
        return _answer_json(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, RequestValidationError):
        return _answer_invalid(error)
    if isinstance(error, ImageNotFoundException | LabelNotFoundException):
        return _answer_json(404, "E_UNKNOWN", UNKNOWN)
    if isinstance(error, ArchiveError):
        return _answer_json(503, "E_ARCHIVE", str(error))
    if isinstance(error, PromptError):
        return _answer_json(400, "E_PROMPT", str(error))
    if isinstance(error, InputRefusedError):
        status = 400 if error.code == "E_PARAMS" else 422
        return _answer_json(status, error.code, without_paths(error.reason))
    if isinstance(error, MammosegError):
        return _answer_json(409, "E_STATE", without_paths(str(error)))
    if isinstance(error, MONAILabelException):
        logger.warning("MONAI Label: %s at %s", error.error, say_places(error))
        return _answer_json(400, "E_REQUEST", "MONAI Label refuses the request.")
    return answer_fault(error)


def answer_fault(error: BaseException) -> Response:
    """HTTP 500 for a fault of ours; its id leads to the line in the log."""
    number = secrets.token_hex(4)
    logger.error("fault %s: %s at %s", number, type(error).__name__, say_places(error))
    return _answer_json(500, "E_FAULT", "the server failed; its log has a line with this id.", number=number)


def say_places(error: BaseException) -> str:
    """Files and lines that an error came through, innermost first; its text is left out, for it may quote a header."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames[-6:]))


def say_places_in(output: str) -> str:
    """The same of the traceback that a process ended with; empty where its output has none."""
    frames = PRINTED_FRAME.findall(output)
    return " < ".join(f"{Path(file).name}:{line} {function}" for file, line, function in reversed(frames[-6:]))


def say_error(error: BaseException) -> str:
    """What can be told of an error: its own words where they are meant for people, else where it came up."""
    if isinstance(error, MammosegError):
        return without_paths(str(error))
    return SENTENCE if is_full(error) else f"{type(error).__name__} at {say_places(error)}"


def without_paths(text: str) -> str:
    """The text with the server's own paths left out."""
    return PATH.sub("...", text)


def _answer_invalid(error: RequestValidationError) -> Response:
    problems = error.errors()
    for problem in problems:
        if isinstance(cause := problem.get("ctx", {}).get("error"), BadValueError):
            return _answer_json(400, cause.code, str(cause))
    where = [{"where": problem["loc"], "what": problem["type"]} for problem in problems]
    return _answer_json(422, "E_REQUEST", jsonable_encoder(where))


def _answer_json(
    status: int, code: str, detail: object, *, number: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    content = {"detail": detail, "code": code, "id": number or secrets.token_hex(4)}
    return JSONResponse(content, status, headers)


def _wants_page(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")
