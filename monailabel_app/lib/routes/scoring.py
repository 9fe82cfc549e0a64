"""`/scoring/{method}`: Dice against people's labels, uncertainty; stored with each image."""

from typing import Any

from fastapi import APIRouter
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import Name
from monailabel_app.lib.jobs import Job
from monailabel_app.lib.params import COMMON, JSON_BODY, RESERVED, JsonBody
from monailabel_app.lib.routes import Annotator, LabelApp, TheJobs, Viewer

router = APIRouter(prefix="/scoring", tags=["Scoring"])

KIND = "scoring"


@router.get("/", summary="Progress")
def status(person: Viewer, jobs: TheJobs, all: bool = False, check_if_running: bool = False) -> Any:
    return jobs.status(KIND, all=all, check_if_running=check_if_running)


@router.post("/{method}", summary="Start", openapi_extra=JSON_BODY)
def start(
    person: Annotator,
    app: LabelApp,
    jobs: TheJobs,
    method: Name,
    params: JsonBody,
    run_sync: bool = False,
) -> Any:
    task = app._scoring_methods.get(method)
    if task is None:
        raise HttpError(404, "E_METHOD", "there is no such scoring method; /info/ lists them.")
    model = params.get("model")
    if model is not None and model not in app._infers:
        raise HttpError(404, "E_MODEL", "there is no such model; /info/ lists them.")
    kept = {key: value for key, value in params.items() if key in COMMON or key not in RESERVED}
    request = {**kept, "method": method} | ({"model": model} if model else {})
    if "images" in params:
        request["images"] = _images(params["images"])
    job = Job(request, lambda: app.scoring(request), stop=getattr(task, "stop", None))
    return jobs.run(job) if run_sync else jobs.start(KIND, job, enqueue=True).record()


def _images(value: Any) -> str:
    try:
        return BatchInferImageType(value).value
    except ValueError:
        raise HttpError(400, "E_PARAMS", "images is one of all, labeled, unlabeled.") from None


@router.delete("/", summary="Stop")
def stop(person: Annotator, jobs: TheJobs) -> Any:
    return jobs.stop(KIND)
