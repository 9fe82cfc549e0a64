"""`/train`: training on the saved labels, its progress, and the versions of each model that came of it."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import Name
from monailabel_app.lib.jobs import Job
from monailabel_app.lib.params import JSON_BODY, JsonBody, chosen
from monailabel_app.lib.roles import Person
from monailabel_app.lib.routes import Admin, Audit, LabelApp, TheJobs, Trainer, Viewer
from monailabel_app.lib.versions import Versions

router = APIRouter(prefix="/train", tags=["Train"])

KIND = "train"


@router.get("/", summary="Progress and learning curve")
def status(person: Viewer, app: LabelApp, jobs: TheJobs, all: bool = False, check_if_running: bool = False) -> Any:
    found = jobs.status(KIND, all=all, check_if_running=check_if_running)
    for record in found if isinstance(found, list) else [found]:
        if task := app._trainers.get(record["request"].get("model")):
            record["stats"] = task.stats()
    return found


@router.post("/", summary="Train every model that has a trainer", openapi_extra=JSON_BODY)
def start_all(person: Trainer, app: LabelApp, jobs: TheJobs, audit: Audit, params: JsonBody) -> dict[str, Any]:
    started = {}
    for model in app._trainers:
        own = params.get(model)
        job = _job(app, audit, person, model, own if isinstance(own, dict) else {})
        started[model] = {"result": jobs.start(KIND, job, enqueue=True).record(), "detail": None}
    return started


@router.post("/{model}", summary="Train a model", openapi_extra=JSON_BODY)
def start(
    person: Trainer,
    app: LabelApp,
    jobs: TheJobs,
    audit: Audit,
    model: Name,
    params: JsonBody,
    run_sync: bool = False,
    enqueue: bool = False,
) -> Any:
    if model not in app._trainers:
        raise HttpError(404, "E_MODEL", "there is no such model to train; /info/ lists them.")
    job = _job(app, audit, person, model, params)
    return jobs.run(job) if run_sync else jobs.start(KIND, job, enqueue=enqueue).record()


@router.delete("/", summary="Stop training")
def stop(person: Trainer, jobs: TheJobs, audit: Audit) -> Any:
    audit.record(person.name, "stop training")
    return jobs.stop(KIND)


@router.get("/{model}/versions", summary="Versions of a model, and which is served")
def versions(person: Viewer, app: LabelApp, model: Name) -> Any:
    return _versions(app, model).history()


@router.get(
    "/{model}/curve", summary="Learning curve of a version, the last one by default, as PNG", response_class=Response
)
def curve(person: Viewer, app: LabelApp, model: Name, version: int | None = None) -> Response:
    _versions(app, model)
    return Response(app._trainers[model].learning_curve(version), media_type="image/png")


@router.post("/{model}/promote", summary="Serve a version, one that was kept aside among them")
def promote(person: Admin, app: LabelApp, audit: Audit, model: Name, version: int) -> Any:
    _versions(app, model).promote(version, reason=f"asked for by {person.name}")
    audit.record(person.name, "promote", model=model, version=version)
    return {"current": version}


@router.post("/{model}/rollback", summary="Serve the version before")
def roll_back(person: Admin, app: LabelApp, audit: Audit, model: Name) -> Any:
    found = _versions(app, model)
    version = found.roll_back(reason=f"asked for by {person.name}")
    audit.record(person.name, "rollback", model=model, version=version.number)
    return {"current": version.number}


def _job(app: Any, audit: Any, person: Person, model: str, params: dict[str, Any]) -> Job:
    task = app._trainers[model]
    request = {"model": model, **chosen(params, task.config())}

    def work() -> Any:
        audit.record(person.name, "train", model=model)
        before = _served(app, model)
        try:
            return app.train(request)
        finally:
            if (now := _served(app, model)) != before:
                audit.record(person.name, "promote", model=model, version=now)

    return Job(request, work, stop=getattr(task, "stop", None))


def _served(app: Any, model: str) -> int | None:
    version = _versions(app, model).current()
    return version.number if version else None


def _versions(app: Any, model: str) -> Versions:
    if model not in app.versions:
        raise HttpError(404, "E_MODEL", "there is no such model; /info/ lists them.")
    return app.versions[model]
