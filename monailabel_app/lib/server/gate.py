"""The door of the server: which role each route asks for, and who may not is refused before a body is read."""

from collections.abc import Sequence

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from mammoseg.errors import WrongCallError
from monailabel_app.lib import errors
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.login.auth import Login
from monailabel_app.lib.login.roles import STRANGER, Person, Role
from monailabel_app.lib.server.connections import Connections


class Needs:
    """Dependency that every route has: the role it asks for. `server.build` refuses a route without one.

    `Gate` asks before the body is read; the route gets the person whom it has let in.

    Args:
        role: None where everyone may ask, without login.
        takes_ticket: whether a ticket does in place of a token; for the download of the image that it names.
    """

    def __init__(self, role: Role | None, *, takes_ticket: bool = False) -> None:
        self.role = role
        self.takes_ticket = takes_ticket

    async def __call__(self, request: Request) -> Person:
        """The person behind the request."""
        person: Person = request.state.person
        return person

    async def let_in(self, request: Request) -> Person:
        """The person behind the request, by its headers and address alone.

        Raises:
            HttpError: 401 without a valid login, 403 without the role.
        """
        if self.role is None:
            return STRANGER
        login: Login = request.app.state.login
        person = await login.identify(request, takes_ticket=self.takes_ticket)
        if not person.may(self.role):
            raise HttpError(403, "E_ROLE", f"the role {self.role.value} is needed.")
        return person


class Gate:
    """Middleware: who may not is refused by the headers, and nothing that follows them is read.

    FastAPI reads a form to its end, and onto the disk, before it asks any dependency.

    Args:
        connections: record of open connections, told which of them works for a person.
    """

    def __init__(self, app: ASGIApp, *, connections: Connections) -> None:
        self.app = app
        self.connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            person = request.state.person = await self._let_in(request)
        except Exception as error:
            await errors.answer(request, error)(scope, receive, send)
            self.connections.note_answered(scope.get("client"))
            return
        if person is STRANGER:
            await self.app(scope, receive, send)
            self.connections.note_answered(scope.get("client"))
        else:
            with self.connections.at_work(scope.get("client")):
                await self.app(scope, receive, send)

    async def _let_in(self, request: Request) -> Person:
        for route in request.app.routes:
            if route.matches(request.scope)[0] is Match.FULL:
                request.scope["route"] = route  # for the log, as the router sets it
                return await read_needs(route).let_in(request)
        return STRANGER  # whose request leads nowhere


def read_needs(route: BaseRoute) -> Needs:
    """What a route asks for.

    Raises:
        WrongCallError: it names no role, or two.
    """
    needs = (
        [part.call for part in route.dependant.dependencies if isinstance(part.call, Needs)]
        if isinstance(route, APIRoute)
        else []
    )
    if len(needs) != 1:
        raise WrongCallError(f"the route {getattr(route, 'path', route)} must name one role; add Depends(Needs(...)).")
    return needs[0]


def check_roles(routes: Sequence[BaseRoute]) -> None:
    """Raise where a route names no role, and write the role of each into the OpenAPI document."""
    for route in routes:
        role = read_needs(route).role
        assert isinstance(route, APIRoute)
        route.openapi_extra = {**(route.openapi_extra or {}), "x-role": role.value if role else "none"}
