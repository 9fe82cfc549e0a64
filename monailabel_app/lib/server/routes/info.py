"""`/info/`: models, trainers, strategies, scoring methods and state of the data source; health for supervisors."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server.routes import Anyone, TheApp, Viewer

router = APIRouter(tags=["App"])


@router.get("/info/", summary="What the app has")
def answer_info(person: Viewer, app: TheApp) -> Any:
    """Answer the models, trainers, strategies and scoring methods, and the state of the data source."""
    return app.info()


@router.get("/health", summary="The process lives")
async def answer_health(person: Anyone) -> dict[str, str]:
    """Answer that the process lives."""
    return {"status": "ok"}


@router.get("/ready", summary="Start-up is complete")
async def answer_ready(person: Anyone, request: Request) -> dict[str, str]:
    """Answer that the server takes work.

    Raises:
        HttpError: 503; the start is not complete.
    """
    if not request.app.state.is_ready:
        raise HttpError(503, "E_NOT_READY", "the server is starting.")
    return {"status": "ready"}


@router.get("/openapi.json", summary="This document")
def answer_openapi(person: Viewer, request: Request) -> Any:
    """Answer the OpenAPI description of all routes."""
    return request.app.openapi()


@router.get("/", summary="To the viewer")
def lead_to_viewer(person: Viewer) -> RedirectResponse:
    """Lead to the viewer."""
    return RedirectResponse("/ohif/")
