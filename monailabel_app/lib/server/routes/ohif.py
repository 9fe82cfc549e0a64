"""`/ohif/`: the build of OHIF with the MONAI Label panel that monailabel ships."""

import mimetypes
from pathlib import Path

import monailabel
from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server.routes import Viewer

router = APIRouter(prefix="/ohif", tags=["Others"])

FILES = Path(str(monailabel.__file__)).parent / "endpoints" / "static" / "ohif"

KNOWN = {str(path.relative_to(FILES)): path for path in FILES.rglob("*") if path.is_file() and not path.is_symlink()}
"""What a browser asks for is looked up here and never becomes a path."""

OWN_CONFIG = """
const source = window.config.dataSources[0].configuration;
source.friendlyName = source.name = 'Archive';
source.dicomUploadEnabled = source.supportsReject = false;
window.config.investigationalUseDialog = {option: 'never'};
document.cookie = 'MONAILABEL_SERVER_URL=' + window.location.origin + '/; path=/; SameSite=Strict';
"""
"""Follows the build's own app-config.js: nothing is uploaded or rejected; the panel finds this server on any port."""


ASKED_ANEW = {"Cache-Control": "no-cache"}
"""Of the page, unlike its files: without a session it leads to the login."""


@router.get("/{path:path}", summary="A file of the viewer")
def answer_file(person: Viewer, path: str) -> Response:
    """Answer a file of the viewer, or its page for a route of the viewer's own.

    Raises:
        HttpError: 404; the path has a suffix, and the viewer has no such file.
    """
    if path == "app-config.js":
        return Response((FILES / path).read_text(encoding="utf-8") + OWN_CONFIG, media_type="text/javascript")
    if found := KNOWN.get(path):
        return FileResponse(found, media_type=mimetypes.guess_type(found.name)[0] or "application/octet-stream")
    if "." in path.rpartition("/")[2]:
        raise HttpError(404, "E_UNKNOWN", "the viewer has no such file.")
    return FileResponse(FILES / "index.html", media_type="text/html", headers=ASKED_ANEW)  # also of OHIF's own routes
