"""`/annotate/api/segment`: the outline of one mass from prompts, light enough for each click in a page."""

import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from mammoseg.errors import make_unknown_name_error
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.models.said_prompts import OF_A_PAGE
from monailabel_app.lib.params import JSON_BODY, JsonBody, parse_value
from monailabel_app.lib.server.routes import Annotator, TheApp, require_known

KEYS = ("image", "model", *OF_A_PAGE)
"""What a page may send; another key would be a prompt that nobody hears."""

router = APIRouter(prefix="/annotate/api", tags=["Annotate"])


@router.post("/segment", summary="Outline one mass from prompts", openapi_extra=JSON_BODY)
def segment(person: Annotator, app: TheApp, params: JsonBody) -> dict[str, Any]:
    """Answer the outline as run lengths in its box, and what is known of the model; see docs/label.md.

    Raises:
        HttpError: 400; a key that is none of `KEYS`.
    """
    begin = time.perf_counter()
    if unknown := params.keys() - {*KEYS}:
        raise HttpError(400, "E_PARAMS", f"{make_unknown_name_error('parameter', min(unknown), KEYS)}.")
    image = parse_value("image", params.get("image"))
    outliner = require_known(app.outliners, params.get("model") or next(iter(app.outliners)))
    datastore = app.datastore()
    proposal = outliner.outline_for_page(Path(datastore.get_image_uri(image)), params)
    datastore.work.propose(image, person.name, proposal)
    return {
        "mask": {"box": proposal.outline.box, "counts": proposal.outline.counts},
        "model": proposal.by.name,
        "version": proposal.by.version,
        **outliner.facts,
        "seconds": round(time.perf_counter() - begin, 4),
    }
