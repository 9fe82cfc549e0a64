"""`/datastore`: images and labels by id and tag."""

import hmac
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import FileResponse, Response, StreamingResponse
from monailabel.utils.others.generic import get_mime_type

from mammoseg.files import hash_file
from monailabel_app.lib.errors import UNKNOWN, HttpError
from monailabel_app.lib.ids import ImageId, ImageIdOrNothing, Tag
from monailabel_app.lib.login.roles import Role
from monailabel_app.lib.params import parse_note, read_json_object
from monailabel_app.lib.server.routes import Annotator, Audit, Downloader, TheApp, TheSettings, Trainer, Viewer
from monailabel_app.lib.server.uploads import uploaded

router = APIRouter(prefix="/datastore", tags=["Datastore"])


class StoreOutput(str, Enum):
    """``stats``, which is the default: counts; ``all``: images with labels; ``train``: ids of what training sees."""

    train = "train"
    stats = "stats"
    all = "all"


@router.get("/", summary="Counts, or images with their labels")
def answer_datastore(person: Viewer, app: TheApp, output: StoreOutput = StoreOutput.stats) -> Any:
    """Answer counts, all images with their labels, or the ids that training sees; see `StoreOutput`."""
    store = app.datastore()
    if output is StoreOutput.all:
        return store.json()
    if output is StoreOutput.train:
        return [{"image": image} for image in store.get_labeled_images()]
    return store.status()


@router.put("/", summary="Add an image, as older clients do", include_in_schema=False)
@router.put("/image", summary="Add an image")
def add_image(
    person: Annotator,
    app: TheApp,
    settings: TheSettings,
    audit: Audit,
    file: UploadFile,
    image: ImageIdOrNothing = "",
    params: Annotated[str, Form()] = "{}",
) -> dict[str, str]:
    """Add an uploaded image and answer its id."""
    info = parse_note(params) | {"user": person.name}
    with uploaded(file, settings.state_dir) as path, audit.doing(person.name, "add image") as done:
        done["image"] = app.datastore().add_image(image, str(path), info)
    return {"image": done["image"]}


@router.head("/image", summary="Whether there is such an image")
def check_image(person: Downloader, app: TheApp, image: ImageId, check_sum: str | None = None) -> Response:
    """Answer 200 without a body where the image exists, and has the checksum that is named.

    Raises:
        HttpError: 404; there is no such image, or its SHA-256 is another.
    """
    path = _require_file(app.datastore().get_image_uri(image))
    if check_sum and not hmac.compare_digest(check_sum.rpartition(":")[2].lower().encode(), hash_file(path).encode()):
        raise HttpError(404, "E_UNKNOWN", "the image has another checksum.")
    return Response()


@router.get("/image", summary="Download an image")
def download_image(person: Downloader, app: TheApp, image: ImageId) -> FileResponse:
    """Answer the file of an image."""
    return _download(_require_file(app.datastore().get_image_uri(image)), image)


@router.get("/image/info", summary="What is known of an image")
def answer_image_info(person: Viewer, app: TheApp, image: ImageId) -> Any:
    """Answer what is noted of an image."""
    return app.datastore().get_image_info(image)


@router.put("/image/info", summary="Note something of an image")
def update_image_info(person: Annotator, app: TheApp, image: ImageId, info: Annotated[str, Form()] = "{}") -> Any:
    """Note something of an image, with the name of who notes it."""
    return app.datastore().update_image_info(image, parse_note(info) | {"noted_by": person.name})


@router.put("/label", summary="Save a label")
def save_label(
    person: Annotator,
    app: TheApp,
    settings: TheSettings,
    audit: Audit,
    image: ImageId,
    label: UploadFile,
    params: Annotated[str, Form()] = "{}",
    tag: Tag = "final",
) -> dict[str, str]:
    """Save an uploaded label of an image and answer the label's id."""
    info = {key: value for key, value in read_json_object(params).items() if key == "label_info"}
    info |= {"user": person.name, "role": person.labels_as.value}
    with uploaded(label, settings.state_dir) as path, audit.doing(person.name, "save", image=image, tag=tag):
        label_id = app.datastore().save_label(image, str(path), tag, info)
    return {"image": image, "label": label_id}


@router.head("/label", summary="Whether there is such a label")
def check_label(
    person: Viewer, app: TheApp, tag: Tag, label: ImageIdOrNothing = "", image: ImageIdOrNothing = ""
) -> Response:
    """Answer 200 without a body where the label exists.

    Raises:
        HttpError: 400; neither a label nor an image is named; 404; there is no such label.
    """
    if not (label or image):
        raise HttpError(400, "E_ID", "name a label.")
    _require_file(app.datastore().get_label_uri(label or image, tag))
    return Response()


@router.get("/label", summary="Download a label")
def download_label(person: Viewer, app: TheApp, label: ImageId, tag: Tag) -> FileResponse:
    """Answer the file of a label; of a model's it is noted that the person has it."""
    if tag == "original" and person.may(Role.ANNOTATOR):
        app.datastore().propose_original(label, person.name)
    return _download(_require_file(app.datastore().get_label_uri(label, tag)), label)


@router.get("/label/info", summary="What is known of a label")
def answer_label_info(person: Viewer, app: TheApp, label: ImageId, tag: Tag) -> Any:
    """Answer what is noted of a label."""
    return app.datastore().get_label_info(label, tag)


@router.put("/label/info", summary="Note something of a label")
def update_label_info(
    person: Annotator, app: TheApp, audit: Audit, label: ImageId, tag: Tag, info: Annotated[str, Form()] = "{}"
) -> Any:
    """Note something of a label, with the name of who notes it; who drew it stays."""
    note = parse_note(info) | {"noted_by": person.name}
    with audit.doing(person.name, "note", image=label, tag=tag):
        return app.datastore().update_label_info(label, tag, note)


@router.get("/dataset", summary="Images and labels as a ZIP file; it says what the images say of patients")
def download_dataset(
    person: Trainer, app: TheApp, audit: Audit, limit_cases: Annotated[int | None, Query(ge=0, le=1_000_000)] = None
) -> StreamingResponse:
    """Answer a ZIP file of the images with final labels, which is deleted here before it is sent."""
    audit.record(person.name, "download dataset")
    path = Path(app.datastore().get_dataset_archive(limit_cases))
    file = path.open("rb")
    path.unlink()  # it holds what images say of patients, and has no name from now on, however the sending ends
    headers = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": 'attachment; filename="dataset.zip"',
    }
    return StreamingResponse(_read_blocks(file), headers=headers, media_type="application/zip")


def _require_file(path: str | None) -> Path:
    if not path or not Path(path).is_file():
        raise HttpError(404, "E_UNKNOWN", UNKNOWN)
    return Path(path)


def _read_blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(1 << 20):
            yield block


def _download(path: Path, name: str) -> FileResponse:
    suffix = ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
    file_name = name if name.endswith(suffix) else f"{name}{suffix}"
    return FileResponse(path, media_type=get_mime_type(path.name), filename=file_name)
