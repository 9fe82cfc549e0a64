"""`/batch/infer`: a model over all, labelled or unlabelled images; each mask is saved as the model's label."""

from typing import Any

from fastapi import APIRouter
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import Name
from monailabel_app.lib.login.roles import Role
from monailabel_app.lib.params import JSON_BODY, JsonBody, pick_known
from monailabel_app.lib.server.jobs import Job
from monailabel_app.lib.server.routes import Audit, TheApp, TheJobs, Trainer, require_known
from monailabel_app.lib.server.routes.work import add_progress

router = APIRouter(prefix="/batch", tags=["Infer"])

KIND = "batch_infer"
PARAMS = ("max_batch_size", "force")


add_progress(
    router,
    "/infer",
    KIND,
    stopped_by=Role.TRAINER,
    details=lambda app, record: {"progress": app.batch.progress},
)


@router.post("/infer/{model}", summary="Start", openapi_extra=JSON_BODY)
def start(
    person: Trainer,
    app: TheApp,
    jobs: TheJobs,
    audit: Audit,
    model: Name,
    params: JsonBody,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    run_sync: bool = False,
) -> Any:
    """Start a model over many images and answer the job's record; ``run_sync`` waits for its end.

    Raises:
        HttpError: 400; the model needs prompts; 404; there is no such model.
    """
    task = require_known(app.infers, model)
    if task.prompts:
        raise HttpError(400, "E_REQUEST", "this model needs prompts for each mass; a batch has none.")
    request = {"model": model, "images": images.value, **pick_known(params, [*PARAMS, *task.config()])}
    request |= {"save_label": True, "label_tag": "original"}
    job = Job(request, lambda is_stopped: app.batch_infer(request, is_stopped=is_stopped))
    audit.record(person.name, "batch inference", model=model, images=images.value)
    return jobs.answer(KIND, job, waits=run_sync)
