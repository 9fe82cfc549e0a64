"""`/activelearning/{strategy}`: the image to label next."""

import time
from typing import Any

from fastapi import APIRouter, Request

from monailabel_app.lib.ids import Name
from monailabel_app.lib.params import JSON_BODY, JsonBody, chosen
from monailabel_app.lib.server.routes import Annotator, TheApp, TheLogin, find

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])

PARAMS = ("model", "group")


@router.post("/{strategy}", summary="Next image", openapi_extra=JSON_BODY)
def sample(
    person: Annotator, app: TheApp, login: TheLogin, request: Request, strategy: Name, params: JsonBody
) -> dict[str, Any]:
    """Answer what is known of the image to label next, or ``{}`` when none is left."""
    task = find(app.strategies, strategy, "E_STRATEGY")
    asked = {**chosen(params, PARAMS), "strategy": strategy, "user": person.name}
    if "model" in asked:
        find(app.trainers, asked["model"])
    datastore = app.datastore()
    result = task(asked, datastore)
    if not result or not result.get("id"):
        return {}
    image = result["id"]
    datastore.work.begin(image, person.name)
    given = {strategy: {"ts": int(time.time()), "client_id": person.name}}
    known = datastore.get_image_info(image)
    datastore.update_image_info(image, {"strategy": {**known.get("strategy", {}), **given}})
    withheld = ("path", "scores")  # a place on this server, and the features of a network in their hundreds
    found = {key: value for key, value in {**known, **result}.items() if key not in withheld}
    if "client_id" in params:  # Slicer's module, which downloads the image without its token
        found["id"] = login.with_ticket(image, request)
    return found
