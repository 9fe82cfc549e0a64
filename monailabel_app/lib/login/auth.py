"""Login: who stands behind a request."""

import logging

import jwt
from anyio import CapacityLimiter, to_thread
from fastapi import Request

from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import TICKET
from monailabel_app.lib.login.oidc import Verifier
from monailabel_app.lib.login.roles import NOBODY, Person
from monailabel_app.lib.login.sessions import Session, Sessions
from monailabel_app.lib.login.tokens import PREFIX, TokenFile
from monailabel_app.lib.settings import ServerSettings

logger = logging.getLogger(__name__)

COOKIE = "mammoseg_session"
SESSION_SECONDS = 8 * 3600.0
TICKET_SECONDS = 60.0
"""Slicer asks for the image as soon as it knows its id."""

MOST_TOKEN_CHARACTERS = 8192

THREADS = 8
"""That ask the issuer and write of failed logins; they are none of those that do the work of people."""


class Login:
    """Tokens of the file, tokens of the issuer, and what stands for them where no header can be sent.

    That is a session in a browser, and a ticket for one image in Slicer. After a restart one logs in again.

    Attributes:
        enabled: whether a login is needed; once it is, it stays so until the server ends, whatever is revoked.
    """

    def __init__(self, settings: ServerSettings, audit: AuditLog) -> None:
        self.oidc = settings.oidc
        self._tokens = TokenFile(settings.tokens_file)
        self._verifier = Verifier(settings.oidc) if settings.oidc else None
        self._audit = audit
        self._enabled = False
        self._sessions = Sessions(SESSION_SECONDS)
        self._tickets = Sessions(TICKET_SECONDS)
        self._threads = CapacityLimiter(THREADS)

    @property
    def enabled(self) -> bool:
        """Whether a token is asked for; once it was, it stays so while the process lives."""
        self._enabled = self._enabled or self._verifier is not None or bool(self._tokens)
        return self._enabled

    def require_person(self, token: str, address: str) -> Person:
        """Whom a token stands for.

        Args:
            address: address of who sent it, for the audit.
        Raises:
            HttpError: 401 for no valid token, 503 where the issuer's keys cannot be had.
        """
        person = self._tokens.find_person(token) if token.startswith(PREFIX) else None
        if person is None and self._verifier and len(token) <= MOST_TOKEN_CHARACTERS:
            try:
                person = self._verifier.require_person(token)
            except (jwt.PyJWTError, ValueError, TypeError) as error:
                logger.info("a token is refused: %s", type(error).__name__)
        if person is None:
            self._audit.count_failed_login(address)
            raise make_login_needed_error()
        return person

    def open_session(self, token: str, address: str) -> str:
        """Start a session for the person of a token and return its secret, for a cookie; see `require_person`."""
        return self._sessions.open(token, self.require_person(token, address))

    def close_session(self, secret: str) -> None:
        """End a session, if there is one."""
        self._sessions.close(secret)

    def with_ticket(self, image: str, request: Request) -> str:
        """The id of an image, with what lets its address be opened without a header for a minute.

        Slicer's module asks for the next image with its token, and then has the image downloaded without it.
        """
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if not (self.enabled and token):
            return image
        return f"{image}~{self._tickets.open(token.strip(), request.state.person, image)}"

    async def identify(self, request: Request, *, takes_ticket: bool = False) -> Person:
        """Who asks: by the header, else by the cookie or the ticket, else nobody where no login is needed.

        A token of the file and a session are known at once, however many wait for the issuer or for the audit.

        Raises:
            HttpError: 401, and what `require_person` raises.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not self.enabled:
            return NOBODY
        if scheme:
            if scheme.lower() != "bearer":
                raise make_login_needed_error()
            asked = token.strip(), str(request.state.address)
            known = self._tokens.find_person(asked[0])
            return (
                known
                if known is not None
                else await to_thread.run_sync(self.require_person, *asked, limiter=self._threads)
            )
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if session is None and takes_ticket:
            session = self._find_by_ticket(request.query_params.get("image", ""))
        if session is None or self._is_revoked(session):
            raise make_login_needed_error()
        return session.person

    def _find_by_ticket(self, image_id: str) -> Session | None:
        found = TICKET.search(image_id)
        session = self._tickets.find(found[1]) if found else None
        return session if session and session.image == TICKET.sub("", image_id) else None

    def _is_revoked(self, session: Session) -> bool:
        return session.token.startswith(PREFIX) and self._tokens.find_person(session.token) is None


def make_login_needed_error() -> HttpError:
    """The refusal of who does not say who he is; a new one each time, as a raised one keeps where it was raised."""
    return HttpError(401, "E_LOGIN", "a valid token is needed.", {"WWW-Authenticate": "Bearer"})
