"""`/session/`: an image of the client's own, about which it then asks `/infer/{model}?session_id=`."""

from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import SessionId
from monailabel_app.lib.server.image_sessions import ImageSessions
from monailabel_app.lib.server.routes import TheImageSessions, Viewer

router = APIRouter(prefix="/session", tags=["Session"])


@router.put("/", summary="Open a session with an image")
def begin(person: Viewer, sessions: TheImageSessions, files: Annotated[list[UploadFile], File()]) -> dict[str, Any]:
    """Keep the image and answer the session's id.

    Raises:
        HttpError: 400; several files; 422; no kind of file that is an image, or nothing in it.
    """
    if len(files) != 1:
        raise HttpError(400, "E_REQUEST", "a session holds one image; send one file.")
    name = sessions.open(person.name, files[0])
    return {"session_id": name, "session_info": _ask(sessions, name, person.name)}


@router.get("/{session_id}", summary="What a session is")
def ask(person: Viewer, sessions: TheImageSessions, session_id: SessionId) -> dict[str, Any]:
    """Answer when a session was used last, which is now: to ask is to use it.

    Raises:
        HttpError: 404; the person has no such session.
    """
    return _ask(sessions, session_id, person.name)


@router.delete("/{session_id}", summary="End a session")
def end(person: Viewer, sessions: TheImageSessions, session_id: SessionId) -> dict[str, Any]:
    """Remove the image of a session.

    Raises:
        HttpError: 404; the person has no such session.
    """
    told = _ask(sessions, session_id, person.name)
    sessions.close(session_id, person.name)
    return told


def _ask(sessions: ImageSessions, name: str, owner: str) -> dict[str, Any]:
    with sessions.use(name, owner) as session:
        return {"name": name, "last_access_ts": int(session.used)}
