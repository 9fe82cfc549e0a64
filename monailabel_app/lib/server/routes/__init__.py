"""Routes with the paths, parameters and bodies of MONAI Label 0.8.5, one file a group; each names the role it needs."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

from monailabel_app.lib.app import LabelApp
from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.login.auth import Login
from monailabel_app.lib.login.roles import Person, Role
from monailabel_app.lib.models.so_far import MasksSoFar
from monailabel_app.lib.server.gate import Needs
from monailabel_app.lib.server.image_sessions import ImageSessions
from monailabel_app.lib.server.jobs import Jobs
from monailabel_app.lib.settings import ServerSettings

Viewer = Annotated[Person, Depends(Needs(Role.VIEWER))]
Downloader = Annotated[Person, Depends(Needs(Role.VIEWER, takes_ticket=True))]
Annotator = Annotated[Person, Depends(Needs(Role.ANNOTATOR))]
Trainer = Annotated[Person, Depends(Needs(Role.TRAINER))]
Admin = Annotated[Person, Depends(Needs(Role.ADMIN))]
Anyone = Annotated[Person, Depends(Needs(None))]


def _get_label_app(request: Request) -> LabelApp:
    return request.app.state.label_app


def _get_audit(request: Request) -> AuditLog:
    return request.app.state.audit


def _get_jobs(request: Request) -> Jobs:
    return request.app.state.jobs


def _get_login(request: Request) -> Login:
    return request.app.state.login


def _get_image_sessions(request: Request) -> ImageSessions:
    return request.app.state.image_sessions


def _get_masks_so_far(request: Request) -> MasksSoFar:
    return request.app.state.masks_so_far


def _get_settings(request: Request) -> ServerSettings:
    return request.app.state.settings


TheApp = Annotated[LabelApp, Depends(_get_label_app)]
Audit = Annotated[AuditLog, Depends(_get_audit)]
TheJobs = Annotated[Jobs, Depends(_get_jobs)]
TheLogin = Annotated[Login, Depends(_get_login)]
TheImageSessions = Annotated[ImageSessions, Depends(_get_image_sessions)]
TheMasksSoFar = Annotated[MasksSoFar, Depends(_get_masks_so_far)]
TheSettings = Annotated[ServerSettings, Depends(_get_settings)]

NAMES = {"E_MODEL": "model", "E_METHOD": "scoring method", "E_STRATEGY": "strategy"}


def require_known(known: Mapping[str, Any], name: Any, code: str = "E_MODEL") -> Any:
    """What the app has by a name that a client sends.

    Raises:
        HttpError: 404; there is none.
    """
    if not isinstance(name, str) or name not in known:
        raise HttpError(404, code, f"there is no such {NAMES[code]}; /info/ lists them.")
    return known[name]
