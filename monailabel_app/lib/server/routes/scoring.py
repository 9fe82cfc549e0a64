"""`/scoring/{method}`: Dice against people's labels, uncertainty; stored with each image."""

from typing import Any

from fastapi import APIRouter

from monailabel_app.lib.ids import Name
from monailabel_app.lib.login.roles import Role
from monailabel_app.lib.params import JSON_BODY, JsonBody, pick_known
from monailabel_app.lib.server.jobs import Job
from monailabel_app.lib.server.routes import Annotator, TheApp, TheJobs, require_known
from monailabel_app.lib.server.routes.work import add_progress

router = APIRouter(prefix="/scoring", tags=["Scoring"])

KIND = "scoring"
PARAMS = ("model", "images")

add_progress(router, "/", KIND, stopped_by=Role.ANNOTATOR)


@router.post("/{method}", summary="Start", openapi_extra=JSON_BODY)
def start(
    person: Annotator,
    app: TheApp,
    jobs: TheJobs,
    method: Name,
    params: JsonBody,
    run_sync: bool = False,
) -> Any:
    """Start a scoring method and answer the job's record; ``run_sync`` waits for its end."""
    require_known(app.scoring_methods, method, "E_METHOD")
    request = {**pick_known(params, PARAMS), "method": method}
    if "model" in request:
        require_known(app.trainers, request["model"])
    job = Job(request, lambda is_stopped: app.scoring(request, is_stopped=is_stopped))
    return jobs.answer(KIND, job, waits=run_sync, enqueue=True)
