"""Login: who stands behind a request, and the role that each route asks for."""

import logging
import secrets
import threading
import time
from collections.abc import Sequence

import jwt
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from mammoseg.errors import WrongCallError
from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.oidc import Verifier
from monailabel_app.lib.roles import NOBODY, Person, Role
from monailabel_app.lib.settings import ServerSettings
from monailabel_app.lib.tokens import PREFIX, TokenFile, digest

logger = logging.getLogger(__name__)

COOKIE = "mammoseg_session"
SESSION_SECONDS = 8 * 3600.0
MOST_SESSIONS = 1000
MOST_TOKEN_CHARACTERS = 8192

LOGIN_NEEDED = HttpError(401, "E_LOGIN", "a valid token is needed.", {"WWW-Authenticate": "Bearer"})


class Login:
    """Tokens of the file, tokens of the issuer, and sessions of browsers, which cannot send a header by themselves.

    Sessions are in memory: after a restart one logs in again.

    Attributes:
        enabled: whether a login is needed; once it is, it stays so until the server ends, whatever is revoked.
    """

    def __init__(self, settings: ServerSettings, audit: AuditLog) -> None:
        self.oidc = settings.oidc
        self._tokens = TokenFile(settings.tokens_file)
        self._verifier = Verifier(settings.oidc) if settings.oidc else None
        self._audit = audit
        self._enabled = False
        self._sessions: dict[str, tuple[str, Person]] = {}
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        self._enabled = self._enabled or self._verifier is not None or bool(self._tokens)
        return self._enabled

    def person(self, token: str) -> Person:
        """Whom a token stands for.

        Raises:
            HttpError: 401 for no valid token, 503 where the issuer's keys cannot be had.
        """
        person = self._tokens.person(token) if token.startswith(PREFIX) else None
        if person is None and self._verifier and len(token) <= MOST_TOKEN_CHARACTERS:
            try:
                person = self._verifier.person(token)
            except (jwt.PyJWTError, ValueError, TypeError) as error:
                logger.info("a token is refused: %s", type(error).__name__)
        if person is None:
            self._audit.login_failed()
            raise LOGIN_NEEDED
        return person

    def open_session(self, token: str) -> str:
        """Start a session for the person of a token and return its secret, for a cookie."""
        person = self.person(token)
        ends = min(person.expires or float("inf"), time.time() + SESSION_SECONDS)
        secret = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[digest(secret)] = (token, Person(person.name, person.roles, ends))
        return secret

    def close_session(self, secret: str) -> None:
        """End a session, if there is one."""
        with self._lock:
            self._sessions.pop(digest(secret), None)

    def of_session(self, secret: str) -> Person | None:
        """Who has this session; None after its end, and when its token was revoked."""
        token, person = self._sessions.get(digest(secret), ("", NOBODY))
        if not token:
            return None
        is_revoked = token.startswith(PREFIX) and self._tokens.person(token) is None
        if is_revoked or (person.expires or 0) < time.time():
            self.close_session(secret)
            return None
        return person

    def of_request(self, request: Request) -> Person:
        """Who asks: by the header, else by the cookie, else nobody where no login is needed.

        Raises:
            HttpError: 401.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme and self.enabled:
            if scheme.lower() != "bearer":
                raise LOGIN_NEEDED
            return self.person(token.strip())
        if not self.enabled:
            return NOBODY
        person = self.of_session(request.cookies.get(COOKIE, ""))
        if person is None:
            raise LOGIN_NEEDED
        return person


class Needs:
    """Dependency that every route has: the role it asks for. `server.build` refuses a route without one.

    Args:
        role: None where everyone may ask, without login.
    """

    def __init__(self, role: Role | None) -> None:
        self.role = role

    def __call__(self, request: Request) -> Person:
        """The person behind the request.

        Raises:
            HttpError: 401 without a valid login, 403 without the role.
        """
        if self.role is None:
            return NOBODY
        person = request.app.state.login.of_request(request)
        if not person.may(self.role):
            raise HttpError(403, "E_ROLE", f"the role {self.role.value} is needed.")
        request.state.person = person
        return person


def role_of(route: BaseRoute) -> Role | None:
    """The role that a route asks for.

    Raises:
        WrongCallError: it names none, or two.
    """
    needs = (
        [part.call for part in route.dependant.dependencies if isinstance(part.call, Needs)]
        if isinstance(route, APIRoute)
        else []
    )
    if len(needs) != 1:
        raise WrongCallError(f"the route {getattr(route, 'path', route)} must name one role; add Depends(Needs(...)).")
    return needs[0].role


def check_roles(routes: Sequence[BaseRoute]) -> None:
    """Raise where a route names no role, and write the role of each into the OpenAPI document."""
    for route in routes:
        role = role_of(route)
        assert isinstance(route, APIRoute)
        route.openapi_extra = {**(route.openapi_extra or {}), "x-role": role.value if role else "none"}
