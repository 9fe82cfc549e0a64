"""`/batch/infer`: a model over all, labelled or unlabelled images; each mask is saved as the model's label."""

from typing import Any

from fastapi import APIRouter
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import Name
from monailabel_app.lib.jobs import Job
from monailabel_app.lib.params import JSON_BODY, JsonBody, chosen
from monailabel_app.lib.routes import Audit, LabelApp, TheJobs, Trainer, Viewer

router = APIRouter(prefix="/batch", tags=["Infer"])

KIND = "batch_infer"
PARAMS = ("max_batch_size", "force")


@router.get("/infer", summary="Progress")
def status(person: Viewer, app: LabelApp, jobs: TheJobs, all: bool = False, check_if_running: bool = False) -> Any:
    found = jobs.status(KIND, all=all, check_if_running=check_if_running)
    last = found[-1] if isinstance(found, list) else found
    last["progress"] = app._batch_infer.progress()
    return found


@router.post("/infer/{model}", summary="Start", openapi_extra=JSON_BODY)
def start(
    person: Trainer,
    app: LabelApp,
    jobs: TheJobs,
    audit: Audit,
    model: Name,
    params: JsonBody,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    run_sync: bool = False,
) -> Any:
    task = app._infers.get(model)
    if task is None:
        raise HttpError(404, "E_MODEL", "there is no such model; /info/ lists them.")
    request = {"model": model, "images": images.value, **chosen(params, [*PARAMS, *task.config()])}
    request |= {"save_label": True, "label_tag": "original"}
    job = Job(request, lambda: app.batch_infer(request), stop=getattr(app._batch_infer, "stop", None))
    audit.record(person.name, "batch inference", model=model, images=images.value)
    return jobs.run(job) if run_sync else jobs.start(KIND, job).record()


@router.delete("/infer", summary="Stop")
def stop(person: Trainer, jobs: TheJobs) -> Any:
    return jobs.stop(KIND)
