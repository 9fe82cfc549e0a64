"""`/train`: training on the saved labels, its progress, and the versions of each model that came of it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import Name
from monailabel_app.lib.login.roles import Person, Role
from monailabel_app.lib.params import JSON_BODY, JsonBody, pick_known
from monailabel_app.lib.server.jobs import Job
from monailabel_app.lib.server.routes import Admin, Audit, TheApp, TheJobs, Trainer, Viewer, require_known
from monailabel_app.lib.server.routes.work import add_progress

router = APIRouter(prefix="/train", tags=["Train"])

KIND = "train"

VersionNumber = Annotated[int, Query(ge=0, le=1_000_000)]


add_progress(
    router,
    "/",
    KIND,
    stopped_by=Role.TRAINER,
    details=lambda app, record: {"stats": app.trainers[record["request"]["model"]].stats()},
)


@router.post("/", summary="Train every model that has a trainer", openapi_extra=JSON_BODY)
def start_all(person: Trainer, app: TheApp, jobs: TheJobs, audit: Audit, params: JsonBody) -> dict[str, Any]:
    """Queue the training of every model that has a trainer, and answer the job's record of each."""
    work = {model: _build_job(app, audit, person, model, _pick_options(params, model)) for model in app.trainers}
    return {
        model: {"result": jobs.start(KIND, job, enqueue=True).describe(), "detail": None} for model, job in work.items()
    }


@router.post("/{model}", summary="Train a model", openapi_extra=JSON_BODY)
def start(
    person: Trainer,
    app: TheApp,
    jobs: TheJobs,
    audit: Audit,
    model: Name,
    params: JsonBody,
    run_sync: bool = False,
    enqueue: bool = False,
) -> Any:
    """Start the training of one model and answer the job's record; ``run_sync`` waits for its end."""
    job = _build_job(app, audit, person, model, params)
    return jobs.answer(KIND, job, waits=run_sync, enqueue=enqueue)


@router.get("/{model}/versions", summary="Versions of a model, and which is served")
def list_versions(person: Viewer, app: TheApp, model: Name) -> Any:
    """Answer the versions of a model, and which of them is served."""
    return require_known(app.versions, model).read_history()


@router.get(
    "/{model}/curve", summary="Learning curve of a version, the last one by default, as PNG", response_class=Response
)
def answer_curve(person: Viewer, app: TheApp, model: Name, version: VersionNumber | None = None) -> Response:
    """Answer the learning curve of a version as PNG."""
    return Response(require_known(app.trainers, model).draw_learning_curve(version), media_type="image/png")


@router.post("/{model}/promote", summary="Serve a version, one that was kept aside among them")
def promote(person: Admin, app: TheApp, audit: Audit, model: Name, version: VersionNumber) -> Any:
    """Serve a version and answer its number."""
    found = require_known(app.versions, model)
    with audit.doing(person.name, "promote", model=model, version=version):
        found.promote(version, reason=f"asked for by {person.name}")
    return {"current": version}


@router.post("/{model}/rollback", summary="Serve the version before")
def roll_back(person: Admin, app: TheApp, audit: Audit, model: Name) -> Any:
    """Serve the version before the present one and answer its number."""
    found = require_known(app.versions, model)
    with audit.doing(person.name, "rollback", model=model) as done:
        done["version"] = found.roll_back(reason=f"asked for by {person.name}").number
    return {"current": done["version"]}


def _pick_options(params: dict[str, Any], model: str) -> dict[str, Any]:
    options = params.get(model) or {}
    if not isinstance(options, dict):
        raise HttpError(400, "E_PARAMS", f"what is said of {model} must be an object of its parameters.")
    return options


def _build_job(app: Any, audit: Any, person: Person, model: str, params: dict[str, Any]) -> Job:
    task = require_known(app.trainers, model)
    request = {"model": model, **pick_known(params, task.config())}
    task.check(request, app.datastore())

    def train(is_stopped: Callable[[], bool]) -> Any:
        with audit.doing(person.name, "train", model=model) as done:
            result = app.train(request, is_stopped=is_stopped)
            done["served"] = app.versions[model].read_current().number
        return result

    return Job(request, train)
