"""`/infer/{model}`: a model's outline of one image."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import Response
from monailabel.utils.others.generic import get_mime_type
from requests_toolbelt import MultipartEncoder

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import ImageIdOrNothing, Name, SessionIdOrNothing
from monailabel_app.lib.login.roles import Person, Role
from monailabel_app.lib.models.run import Inferred, infer
from monailabel_app.lib.models.so_far import Asker, SoFar
from monailabel_app.lib.params import pick_known, read_json_object
from monailabel_app.lib.server.image_sessions import ImageSessions
from monailabel_app.lib.server.routes import TheApp, TheImageSessions, TheMasksSoFar, TheSettings, Viewer, require_known
from monailabel_app.lib.server.uploads import uploaded
from monailabel_app.lib.settings import ServerSettings

router = APIRouter(prefix="/infer", tags=["Infer"])

WARNING_HEADER = "X-Mammoseg-Warning"
"""Of every answer, for a mask or a SEG alone holds no words."""

FACTS_HEADERS = {"engine": "X-Mammoseg-Engine", "weights_sha256": "X-Mammoseg-Weights-SHA256"}
"""Of an answer that is a mask alone: what the parameters of the other answers, and a SEG, say by these names."""

MOST_CLIENT = 200
"""Bytes of the name of a client; one with a longer name is not remembered."""


class InferOutput(str, Enum):
    """``all``, which is the default: a multipart message with the parameters and the mask."""

    image = "image"
    json = "json"
    all = "all"
    dicom_seg = "dicom_seg"


@router.post("/{model}", summary="Outline masses")
def run(
    person: Viewer,
    app: TheApp,
    settings: TheSettings,
    sessions: TheImageSessions,
    masks_so_far: TheMasksSoFar,
    model: Name,
    image: ImageIdOrNothing = "",
    session_id: Annotated[
        SessionIdOrNothing, Query(description="whose image is meant, in place of one by its id")
    ] = "",
    params: Annotated[str, Form()] = "{}",
    file: UploadFile | None = None,
    label: Annotated[UploadFile | None, Form(description="mask so far, or scribbles, of interactive models")] = None,
    output: InferOutput = InferOutput.all,
) -> Response:
    """Answer a model's outline of the masses in one image: parameters and mask, one of both, or a DICOM SEG.

    Raises:
        HttpError: 400; no image is named or uploaded, or two are, or a label of one's own image or a SEG is to be
            saved; 403; a label is to be saved and the person may not; 404; there is no such model, or the person has no
            such session.
    """
    task = require_known(app.infers, model)
    if not (file or image or session_id):
        raise HttpError(400, "E_REQUEST", "name an image or a session, or upload a file.")
    if file and session_id:
        raise HttpError(400, "E_REQUEST", "a session has its image; leave out the file, or the session.")
    if file and image:
        raise HttpError(400, "E_REQUEST", "an image is named and another uploaded; leave out one of them.")
    told = read_json_object(params)
    asked = pick_known(told, ["save_label", "result_extension", *task.config(), *task.prompts])
    save = asked.pop("save_label", False)
    if save and not person.may(Role.ANNOTATOR):
        raise HttpError(403, "E_ROLE", f"the role {Role.ANNOTATOR.value} is needed to save a label.")
    if save and (file or session_id):
        raise HttpError(400, "E_REQUEST", "no label of an image of your own is saved here; leave out save_label.")
    if save and output is InferOutput.dicom_seg:
        raise HttpError(400, "E_REQUEST", "a SEG is not saved here; leave out save_label, or ask for another output.")
    if session_id:
        image = ""  # Slicer's module sends the name that it gave the image
    takes_clicks = "foreground" in task.prompts  # strokes are not said again, so nothing goes on from them
    client = session_id or told.get("client_id")
    asker = _identify_asker(person, client, image, model) if takes_clicks and not file else None
    request = {"model": model, "image": image, **asked}
    datastore = app.datastore()
    with (
        _own_image(file, session_id, person, sessions, settings) as path,
        uploaded(label, settings.state_dir) if label is not None and task.prompts else nullcontext() as drawn,
    ):
        if output is InferOutput.dicom_seg:
            answer = _answer_segmentation(task, path or Path(datastore.get_image_uri(image)), request)
        else:
            before = masks_so_far.get(asker) if asker else None
            inferred = infer(task, request, datastore, so_far=before, upload=path, drawn=drawn, save=save)
            if inferred.proposal is not None and path is None and person.may(Role.ANNOTATOR):
                datastore.work.propose(image, person.name, inferred.proposal)
            if inferred.proposal is not None and asker:
                so_far = SoFar(frozenset(inferred.proposal.marks), inferred.proposal.outline)
                masks_so_far.keep(asker, so_far)
            answer = _answer(inferred, output)
    if task.warning:
        answer.headers[WARNING_HEADER] = task.warning
    return answer


def _identify_asker(person: Person, client: Any, image: str, model: str) -> Asker | None:
    """Who is remembered; nobody where the client does not say which one it is, or at length."""
    is_named = isinstance(client, str) and 0 < len(client.encode()) <= MOST_CLIENT
    return Asker(person.name, client, image, model) if is_named else None


@contextmanager
def _own_image(
    file: UploadFile | None, session_id: str, person: Person, sessions: ImageSessions, settings: ServerSettings
) -> Iterator[Path | None]:
    """The file of an image that is none of the data source; None where none was sent."""
    if session_id:
        with sessions.use(session_id, person.name) as session:
            yield session.path
    elif file is not None:
        with uploaded(file, settings.state_dir) as path:
            yield path
    else:
        yield None


def _answer_segmentation(task: Any, image: Path, request: dict[str, Any]) -> Response:
    return Response(task.encode_segmentation(image, request), media_type="application/dicom")


def _answer(inferred: Inferred, output: InferOutput) -> Response:
    content = _take_content(inferred.file) if inferred.file else None
    params = inferred.params | ({"label": inferred.label} if inferred.label else {})
    if inferred.file is None or content is None or output is InferOutput.json:
        return Response(json.dumps(params), media_type="application/json")
    name = (
        f"mask{''.join(inferred.file.suffixes[-2:])}"
        if inferred.file.suffix == ".gz"
        else f"mask{inferred.file.suffix}"
    )
    kind = get_mime_type(name)
    if output is InferOutput.image:
        facts = {header: str(params[fact]) for fact, header in FACTS_HEADERS.items() if params.get(fact)}
        headers = {"Content-Disposition": f'attachment; filename="{name}"', **facts}
        return Response(content, media_type=kind, headers=headers)
    fields = {"params": (None, json.dumps(params), "application/json"), "image": (name, content, kind)}
    message = MultipartEncoder(fields=fields)
    return Response(message.to_string(), media_type=message.content_type)


def _take_content(path: Path) -> bytes:
    """The bytes of a temporary file, which is gone afterwards."""
    content = path.read_bytes()
    path.unlink()
    return content
