"""Limits around every request (ASGI): how many at once, how long, how large; a log line; headers of the answer.

Each person has an allowance, and so have the strangers of each address, who have no login yet: none uses up another's.
The work of a request that ran out of time goes on in its thread, for it cannot be stopped there; its place is free only
when it ends, so that slow work never piles up.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monailabel_app.lib import errors
from monailabel_app.lib.callers import find_site
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.login.roles import STRANGER

logger = logging.getLogger(__name__)

MOST_PLAIN_BYTES = 2**20
"""Of a body that is no upload of files."""

MOST_STRANGER_BYTES = 2**15
"""Of the form of a login: a token, and where it leads."""

MOST_OF_STRANGERS = 8
"""Requests at once that come from one address without a login, such as logins."""

STRANGER_SECONDS = 10.0
"""For one of them, from its first to its last byte."""

UNCOUNTED = ("/health", "/ready")

Who = tuple[str, str]
Work = asyncio.Task[None]

TOO_MANY = HttpError(429, "E_BUSY", "too many requests are in work; try again in a second.", {"Retry-After": "1"})
WORK_TOO_SLOW = HttpError(503, "E_SLOW", "the request took too long; it goes on, its answer is lost.")


@dataclass(frozen=True)
class _Allowance:
    """What one caller may at once.

    Attributes:
        who: has it.
        slow_makes_room: whether one request too many ends the oldest whose body is not all there.
    """

    who: Who
    requests: int
    seconds: float
    body_bytes: int
    slow_makes_room: bool = False


class Limits:
    """Middleware, behind `Gate`.

    Args:
        max_requests: most requests of one person, in work at once.
        seconds: time in seconds for one, from its first to its last byte.
        max_upload_bytes: most bytes of one multipart body; others have `MOST_PLAIN_BYTES`.
    """

    def __init__(self, app: ASGIApp, *, max_requests: int, seconds: float, max_upload_bytes: int) -> None:
        self.app = app
        self.max_requests = max_requests
        self.seconds = seconds
        self.max_upload_bytes = max_upload_bytes
        self._at_work: defaultdict[Who, dict[Work, _Exchange]] = defaultdict(dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        allowance = self._choose_allowance(Request(scope))
        exchange = _Exchange(scope, receive, send, allowance.body_bytes)
        others = self._at_work[allowance.who]
        is_full = scope["path"] not in UNCOUNTED and len(others) >= allowance.requests
        if is_full and not (allowance.slow_makes_room and await _make_room(others)):
            await exchange.refuse(TOO_MANY)
            return
        work = asyncio.create_task(self._answer(exchange))
        self._at_work[allowance.who][work] = exchange
        work.add_done_callback(lambda done: self._finish(done, allowance.who))
        done, _ = await asyncio.wait({work}, timeout=allowance.seconds)
        if not done:
            is_upload = exchange.is_receiving
            if is_upload:
                work.cancel()
            await exchange.refuse(make_too_slow_error() if is_upload else WORK_TOO_SLOW)

    async def _answer(self, exchange: "_Exchange") -> None:
        if exchange.declared_bytes > exchange.most_bytes:
            await exchange.refuse(make_too_large_error())
            return
        try:
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            await exchange.refuse(error)

    def _finish(self, work: Work, who: Who) -> None:
        self._at_work[who].pop(work, None)
        if not self._at_work[who]:
            del self._at_work[who]
        if not work.cancelled() and (error := work.exception()):
            logger.error("an answer broke off: %s at %s", type(error).__name__, errors.say_places(error))

    def _choose_allowance(self, request: Request) -> _Allowance:
        person = request.state.person
        if person is STRANGER:
            who = ("address", find_site(request.state.address))
            return _Allowance(who, MOST_OF_STRANGERS, STRANGER_SECONDS, MOST_STRANGER_BYTES, slow_makes_room=True)
        is_upload = request.headers.get("content-type", "").startswith("multipart/form-data")
        most_bytes = self.max_upload_bytes if is_upload else MOST_PLAIN_BYTES
        return _Allowance(("person", person.name), self.max_requests, self.seconds, most_bytes)


async def _make_room(others: "dict[Work, _Exchange]") -> bool:
    """End the oldest request whose body is not all there; False where there is none."""
    work = next((work for work, exchange in others.items() if exchange.is_incomplete), None)
    if work is None:
        return False
    await others.pop(work).refuse(make_too_slow_error())
    work.cancel()
    return True


class _Exchange:
    """One request and its answer; what comes after a refusal is dropped."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most_bytes: int) -> None:
        self.scope = scope
        self.most_bytes = most_bytes
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        self.declared_bytes = int(declared) if declared.isdigit() else 0
        self.is_incomplete = self.declared_bytes > 0 or b"transfer-encoding" in headers
        self.is_receiving = False
        self._receive = receive
        self._send = send
        self._received_bytes = 0
        self._has_begun = self._is_closed = False

    async def receive(self) -> Message:
        """The next piece of the body.

        Raises:
            HttpError: 413, and 408 after a refusal.
        """
        if self._is_closed:
            raise make_too_slow_error()
        self.is_receiving = True
        try:
            message = await self._receive()
        finally:
            self.is_receiving = False
        if message["type"] == "http.request":
            self.is_incomplete = bool(message.get("more_body"))
            self._received_bytes += len(message.get("body", b""))
            if self._received_bytes > self.most_bytes:
                raise make_too_large_error()
        return message

    async def send(self, message: Message) -> None:
        """A piece of the answer."""
        if not self._is_closed:
            self._has_begun = True
            await self._send(message)

    async def refuse(self, error: Exception) -> None:
        """Answer with an error, if there was no answer yet."""
        if self._has_begun or self._is_closed:
            self._is_closed = True
            return
        self._is_closed = True
        response = errors.answer(Request(self.scope), error)
        await response(self.scope, self._receive, self._send)


class Headers:
    """Middleware: headers of every answer, and one log line per request, without ids and without what was searched for.

    Args:
        headers: headers of all answers.
        by_path: headers of their own, such as the policy of a page, by the beginning of an address.
    """

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str], by_path: Mapping[str, Mapping[str, str]]) -> None:
        self.app = app
        self.headers = headers
        self.by_path = by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.monotonic()
        own = next((more for path, more in self.by_path.items() if scope["path"].startswith(path)), {})
        added = [(name.lower().encode(), value.encode()) for name, value in {**self.headers, **own}.items()]
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in given)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            _log(scope, status, time.monotonic() - begin)


def _log(scope: Scope, status: int, seconds: float) -> None:
    route: Any = scope.get("route")
    path = getattr(route, "path", "-")  # the pattern, such as /infer/{model}: ids are not in it
    if path not in UNCOUNTED:
        logger.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * seconds)


class SameSite:
    """Middleware: refuses what a page of another site sends in the name of a person's browser.

    Args:
        origins: origins of other sites that may.
        only_loopback: refuse every name but this machine's, so that no outside name is pointed at it (DNS rebinding);
            for a server without login.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...], only_loopback: bool) -> None:
        self.app = app
        self.origins = origins
        self.only_loopback = only_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._judge(Request(scope))):
            await errors.answer(Request(scope), refusal)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _judge(self, request: Request) -> HTTPException | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin", "")
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if self.only_loopback and name not in ("127.0.0.1", "localhost", "[::1]"):
            return HttpError(
                403, "E_HOST", "this server has no login and answers to the names of its own machine only."
            )
        is_other = bool(origin) and origin.partition("://")[2] != host and origin not in self.origins
        if is_other and request.method not in ("GET", "HEAD", "OPTIONS"):
            return HttpError(403, "E_ORIGIN", "a page of another site cannot change anything here; see --conf cors.")
        return None


def make_too_large_error() -> HttpError:
    """The refusal of a body that is too long; a new one each time, as a raised one keeps where it was raised."""
    return HttpError(413, "E_TOO_LARGE", "the upload is larger than this server takes.")


def make_too_slow_error() -> HttpError:
    """The refusal of a body that does not come; a new one each time."""
    return HttpError(408, "E_SLOW", "the upload took too long.")
