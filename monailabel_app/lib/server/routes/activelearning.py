"""`/activelearning/{strategy}`: the image to label next."""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from monailabel_app.lib.app import LabelApp
from monailabel_app.lib.ids import Name
from monailabel_app.lib.login.roles import Person
from monailabel_app.lib.params import JSON_BODY, JsonBody, pick_known
from monailabel_app.lib.server.routes import Annotator, TheApp, TheLogin, require_known

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])

PARAMS = ("model", "group")


@router.post("/{strategy}", summary="Next image", openapi_extra=JSON_BODY)
def sample(
    person: Annotator, app: TheApp, login: TheLogin, request: Request, strategy: Name, params: JsonBody
) -> dict[str, Any]:
    """Answer what is known of the image to label next, or ``{}`` when none is left."""
    found = choose_next_image(app, person, strategy, pick_known(params, PARAMS))
    if found and "client_id" in params:  # Slicer's module, which downloads the image without its token
        found["id"] = login.with_ticket(found["id"], request)
    return found


def choose_next_image(app: LabelApp, person: Person, strategy: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Choose an image for a person, lease it and note that; what is known of it, nothing when none is left.

    Args:
        params: ``model`` and ``group``, as the strategies take them.

    Raises:
        HttpError: 404; there is no such strategy or model.
    """
    task = require_known(app.strategies, strategy, "E_STRATEGY")
    if "model" in params:
        require_known(app.trainers, params["model"])
    datastore = app.datastore()
    result = task({**params, "strategy": strategy, "user": person.name}, datastore)
    if not result or not result.get("id"):
        return {}
    image = result["id"]
    datastore.work.begin(image, person.name)
    given = {strategy: {"ts": int(time.time()), "client_id": person.name}}
    known = datastore.get_image_info(image)
    datastore.change_image_info(image, "strategy", lambda before: {**before, **given})
    withheld = ("path", "scores")  # a place on this server, and the features of a network in their hundreds
    return {key: value for key, value in {**known, **result}.items() if key not in withheld}
