"""The HTTP server: our routes around an app, with login, roles, limits and headers."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from monailabel.interfaces.exception import MONAILabelException
from starlette.exceptions import HTTPException

from mammoseg import __version__
from mammoseg.archives.dicomweb.client import connect
from mammoseg.errors import MammosegError
from mammoseg.viewer.server import HEADERS as VIEWER_HEADERS
from monailabel_app.lib import errors
from monailabel_app.lib.app import LabelApp
from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.callers import Callers
from monailabel_app.lib.effort import EffortLog
from monailabel_app.lib.login.auth import Login
from monailabel_app.lib.models.so_far import MasksSoFar
from monailabel_app.lib.server import uploads
from monailabel_app.lib.server.connections import Connections
from monailabel_app.lib.server.gate import Gate, check_roles
from monailabel_app.lib.server.image_sessions import ImageSessions
from monailabel_app.lib.server.jobs import Jobs
from monailabel_app.lib.server.limits import Headers, Limits, SameSite
from monailabel_app.lib.server.routes import (
    activelearning,
    annotate,
    batch,
    datastore,
    infer,
    info,
    login,
    ohif,
    proxy,
    scoring,
    segment,
    session,
    train,
)
from monailabel_app.lib.settings import ServerSettings

logger = logging.getLogger(__name__)

GROUPS = (info, infer, session, segment, batch, train, activelearning, scoring, datastore, annotate, login, ohif, proxy)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Images of patients stay out of the browser's files, and no page of ours can be framed or load anything.

Without any referrer Chromium would say of our own login form that it is of no origin, and `SameSite` would refuse it.
"""

OHIF_HEADERS = {
    "Content-Security-Policy": f"{VIEWER_HEADERS['Content-Security-Policy']}; frame-ancestors 'none'",
    "Cache-Control": "private, max-age=3600",
}
"""OHIF's own scripts need inline code and WebAssembly; it can talk to this server and no other."""


ANNOTATE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}
"""Our own page has no inline code and needs nothing but this server."""

THREADS_FOR = 4
"""People who may fill their allowances at once before the others have to wait for a thread."""


def build(app: LabelApp, settings: ServerSettings) -> FastAPI:
    """The server around `app`.

    Raises:
        WrongCallError: a route names no role.
        MammosegError: the file of tokens can be read by others.
    """
    audit = AuditLog(settings.state_dir)
    logins = Login(settings, audit)
    connections = Connections(proxies=settings.trusted_proxies)
    server = FastAPI(
        title="mammoseg",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        middleware=_list_middleware(settings, connections, has_login=logins.enabled),
    )
    for kind in (HTTPException, RequestValidationError, MONAILabelException, MammosegError):
        server.add_exception_handler(kind, errors.answer)
    for group in GROUPS:
        server.router.routes.extend(group.router.routes)
    check_roles(server.routes)
    is_remote = app.studies.startswith(("http://", "https://"))
    server.state.archive = connect(app.studies) if is_remote else None
    effort = EffortLog(audit, settings.state_dir, named=settings.effort_is_named)
    app.datastore().work.on_saved = lambda user, role, image, cost: effort.keep(user, role, image, asdict(cost))
    server.state.label_app, server.state.settings, server.state.audit = app, settings, audit
    server.state.login, server.state.jobs, server.state.is_ready = logins, Jobs(), False
    server.state.connections = connections
    server.state.masks_so_far = MasksSoFar()
    server.state.image_sessions = ImageSessions(settings.state_dir, on_end=server.state.masks_so_far.forget)
    return server


def _list_middleware(settings: ServerSettings, connections: Connections, *, has_login: bool) -> list[Middleware]:
    return [
        Middleware(Headers, headers=HEADERS, by_path={"/ohif/": OHIF_HEADERS, "/annotate/": ANNOTATE_HEADERS}),
        Middleware(Callers, proxies=settings.trusted_proxies),
        Middleware(SameSite, origins=settings.cors, only_loopback=settings.is_local and not has_login),
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        ),
        Middleware(Gate, connections=connections),
        Middleware(
            Limits,
            max_requests=settings.max_requests,
            seconds=settings.request_seconds,
            max_upload_bytes=settings.max_upload_bytes,
        ),
    ]


@asynccontextmanager
async def _lifespan(server: FastAPI) -> AsyncIterator[None]:
    settings: ServerSettings = server.state.settings
    uploads.remove_leftovers(settings.state_dir)
    threads = to_thread.current_default_thread_limiter()
    threads.total_tokens = max(threads.total_tokens, THREADS_FOR * settings.max_requests)
    server.state.is_ready = True
    yield
    server.state.jobs.close()
    server.state.image_sessions.close_all()
    server.state.label_app.datastore().close()
