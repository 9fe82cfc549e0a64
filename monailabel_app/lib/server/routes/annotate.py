"""`/annotate/`: the page on which masses are outlined, and what it asks; pixels leave the server decoded."""

import json
import mimetypes
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response

import monailabel_app
from mammoseg.data.grid import read_grid
from mammoseg.data.mammogram import read_mammogram
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.functional.orient_left import faces_left_wall
from monailabel_app.lib.datastore.instance import InstanceDatastore
from monailabel_app.lib.datastore.masses import build_label_map
from monailabel_app.lib.datastore.readings import compute_agreement, lease_second_reading, list_readings, skip, withdraw
from monailabel_app.lib.datastore.views import FilmView, find_view, list_views_beside
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import ImageId
from monailabel_app.lib.login.roles import Person
from monailabel_app.lib.server.annotate_messages import Ask, Drawn, OfImage, ProposalWanted, Skipped, Withdrawn
from monailabel_app.lib.server.routes import Annotator, Audit, TheApp, TheSettings, Viewer, require_known
from monailabel_app.lib.server.routes.activelearning import choose_next_image
from monailabel_app.lib.server.uploads import received

router = APIRouter(prefix="/annotate", tags=["Annotate"])

BUILT = Path(str(monailabel_app.__file__)).parent / "annotate" / "built"
"""What `make annotate` makes."""

FACTS_HEADER = "X-Mammoseg-Image"
"""What is known of an image, as JSON, beside its pixels."""

WHITE = 2**16 - 1
"""Grey value of the highest that an image can hold; 0 is the lowest."""


@router.get("/api/start", summary="Who asks, and what there is to choose")
def start(person: Annotator, app: TheApp) -> dict[str, Any]:
    """Answer the reader's name, the models that can propose, the one that takes prompts, and what else there is."""
    models = [
        {"name": name, "warning": app.infers[name].warning or ""}
        for name in sorted(app.trainers)
        if app.infers[name].is_valid()
    ]
    prompted = next(({"name": name, "warning": one.warning or ""} for name, one in app.outliners.items()), None)
    store = _get_store(app)
    counts = {"total": len(store.list_images()), "labelled": len(store.get_labeled_images())}
    return {
        "reader": person.name,
        "models": models,
        "prompted": prompted,
        "strategies": list(app.strategies),
        **counts,
    }


@router.get("/api/cases", summary="All images, and what became of them")
def list_cases(person: Annotator, app: TheApp) -> list[dict[str, Any]]:
    """Answer all images: whether one has a label, and who has it now."""
    store = _get_store(app)
    labelled = set(store.get_labeled_images())
    return [
        {"image": image, "labelled": image in labelled, "held_by": store.leases.find_holder(image) or ""}
        for image in store.list_images()
    ]


@router.post("/api/next", summary="Next image")
def choose(person: Annotator, app: TheApp, ask: Ask) -> dict[str, str]:
    """Lease the image that the strategy puts first and answer its id, which is empty when none is left."""
    if ask.strategy is None:
        return {"image": lease_second_reading(_get_store(app), person.name)}
    return {"image": choose_next_image(app, person, ask.strategy, {}).get("id", "")}


@router.post("/api/open", summary="Take an image in hand, or keep it")
def hold(person: Annotator, app: TheApp, of: OfImage) -> dict[str, Any]:
    """Lease an image, or prolong the lease: who has it in place of the one who asks, empty where that is he himself."""
    store = _get_store(app)
    taken = store.lease(of.image, person.name)
    if taken and store.work.get(of.image, person.name).begun is None:
        store.work.begin(of.image, person.name)
    return {
        "held_by": "" if taken else store.leases.find_holder(of.image) or "",
        "drawn": _read_own_label(store, person, of),
    }


@router.get("/api/image", summary="The pixels of an image, decoded")
def answer_pixels(person: Annotator, app: TheApp, image: ImageId) -> Response:
    """Answer grey values from 0 to 65,535, 16 bits each, low byte first, row by row; `FACTS_HEADER` says the rest.

    Raises:
        InputRefusedError: the file cannot be read.
    """
    store = _get_store(app)
    mammogram = read_mammogram(store.get_image_uri(image), modalities=store.modalities)
    low, high = mammogram.value_range
    grey = np.clip((mammogram.pixels - low) * (WHITE / (high - low)), 0, WHITE).round().astype("<u2")
    seen = find_view(store, store.require_image(image))
    beside = sorted(
        list_views_beside(store, store.require_image(image)), key=lambda view: view.side != seen.side
    )  # its breast first
    facts = {
        "rows": grey.shape[0],
        "columns": grey.shape[1],
        "spacing": mammogram.pixel_spacing_mm,
        "side": seen.side,
        "view": seen.view,
        "mirrored": hangs_mirrored(mammogram, seen),
        "beside": [vars(view) for view in beside],
    }
    return Response(grey.tobytes(), media_type="application/octet-stream", headers={FACTS_HEADER: json.dumps(facts)})


@router.post("/api/propose", summary="What a model outlines")
def propose(person: Annotator, app: TheApp, proposal: ProposalWanted) -> dict[str, Any]:
    """Answer the masses that a model finds in an image, each as runs."""
    require_known(app.trainers, proposal.model)  # the interactive ones find nothing by themselves
    store = _get_store(app)
    masses, outline = app.infers[proposal.model].find_masses(store.get_image_uri(proposal.image))
    store.work.propose(proposal.image, person.name, outline)
    return {"masks": [vars(RunLengths.from_mask(mask)) for mask in masses]}


@router.post("/api/save", summary="Save what was outlined")
def save(person: Annotator, app: TheApp, settings: TheSettings, audit: Audit, drawn: Drawn) -> dict[str, str]:
    """Save the label of an image and answer its id.

    Raises:
        HttpError: 409; another person has the image; 422; nothing is outlined, and it is not said that there is no
            mass, or the other way round.
        InputRefusedError: a mask is of another size, or the label cannot be made.
    """
    if bool(drawn.masses) == drawn.no_mass:
        raise HttpError(422, "E_EMPTY", "outline a mass, or say that there is none; not both, nor neither.")
    store = _get_store(app)
    _hold(store, person, drawn.image)
    shape = read_grid(Path(store.get_image_uri(drawn.image))).shape
    labels = build_label_map([mass.mask.to_mask(shape) for mass in drawn.masses], shape)
    names = range(1, len(drawn.masses) + 1)
    if not np.isin(names, labels).all():
        raise HttpError(
            422, "E_EMPTY", "a mass without a pixel of its own is none; outline it, or say that there is none."
        )
    info = {
        "label_info": [{"name": f"mass {number}", "idx": number} for number in names],
        "assessments": [mass.assessment for mass in drawn.masses],
        "strokes": drawn.strokes,
        "user": person.name,
        "role": person.labels_as.value,
    }
    with received(".bin", settings.state_dir) as path, audit.doing(person.name, "save", image=drawn.image, tag="final"):
        path.write_bytes(labels.tobytes())
        return {"label": store.save_label(drawn.image, str(path), "final", info)}


@router.post("/api/skip", summary="Give an image back, with a reason")
def leave(person: Annotator, app: TheApp, audit: Audit, skipped: Skipped) -> dict[str, str]:
    """Note the reason, end the lease, and do not offer the image to this reader again."""
    with audit.doing(person.name, "skip", image=skipped.image):
        skip(_get_store(app), skipped.image, person.name, skipped.reason)
    return {"image": skipped.image}


@router.post("/api/withdraw", summary="Withdraw a label of one's own")
def take_back(person: Annotator, app: TheApp, audit: Audit, withdrawn: Withdrawn) -> dict[str, str]:
    """Let a label count no more; nothing is deleted.

    Raises:
        WrongCallError: it is not the person's own.
    """
    with audit.doing(person.name, "withdraw", image=withdrawn.label):
        withdraw(_get_store(app), withdrawn.label, person.name)
    return {"label": withdrawn.label}


@router.get("/api/readings", summary="Who read an image, and how far they agree")
def compare(person: Annotator, app: TheApp, image: ImageId) -> dict[str, Any]:
    """Answer the readers, how many masses each outlined, and Dice of each two.

    Raises:
        HttpError: 403; the person has not read the image, and must not see what others found.
    """
    store = _get_store(app)
    readings = list_readings(store, image)
    if person.name not in readings:
        raise HttpError(403, "E_BLIND", "save your own label first; till then you do not see those of others.")
    counts = {reader: len(reading.read_masses(store)) for reader, reading in sorted(readings.items())}
    return {"readers": counts, "agreement": compute_agreement(store, readings)}


@router.get("/{path:path}", summary="A file of the page")
def answer_file(person: Viewer, path: str) -> Response:
    """Answer the page, or a file of it.

    Raises:
        HttpError: 404; the page is not built, or has no such file.
    """
    known = {found.name: found for found in BUILT.glob("*") if found.is_file()}
    if not known:
        raise HttpError(404, "E_NOT_BUILT", "this page is not built; run `make annotate` where the server comes from.")
    if (found := known.get(path or "index.html")) is None:
        raise HttpError(404, "E_UNKNOWN", "the page has no such file.")
    return FileResponse(found, media_type=mimetypes.guess_type(found.name)[0] or "application/octet-stream")


@router.get("", include_in_schema=False)
def lead_to_page(person: Viewer) -> RedirectResponse:
    """Lead to the page."""
    return RedirectResponse("/annotate/")


def hangs_mirrored(mammogram: Mammogram, seen: FilmView) -> bool:
    """Whether to show an image mirrored: right breasts hang with the chest wall on the right, left ones on the left."""
    return seen.side in ("L", "R") and faces_left_wall(mammogram.pixels) == (seen.side == "R")


def _get_store(app: Any) -> InstanceDatastore:
    return app.datastore()


def _hold(store: InstanceDatastore, person: Person, image: str) -> None:
    """Take an image for a person.

    Raises:
        HttpError: 409; another has it.
    """
    if not store.lease(image, person.name):
        raise HttpError(409, "E_HELD", f"{store.leases.find_holder(image)} has this image; open another one.")


def _read_own_label(store: InstanceDatastore, person: Person, of: OfImage) -> dict[str, Any] | None:
    """The newest label that a person drew on an image, mass by mass, whatever program sent it."""
    reading = list_readings(store, of.image).get(person.name)
    if reading is None:
        return None
    masses = [
        {"mask": vars(RunLengths.from_mask(mass.mask)), "assessment": mass.assessment}
        for mass in reading.read_masses(store)
    ]
    return {"label": reading.label.label_id, "masses": masses}
