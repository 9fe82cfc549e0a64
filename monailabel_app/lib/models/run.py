"""One inference: an image of the data source, or an uploaded one; never a path that a client names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.infer_v2 import InferTask

from monailabel_app.lib.datastore.work import Proposal
from monailabel_app.lib.models.so_far import SoFar

PROPOSAL = "proposal"
"""Of a request that asks a task for its outline, and of the answer that tells it, as `Proposal`; no client gets it."""


SO_FAR = "so_far"
"""Of a request: what the task answered before, as `SoFar` or None; no client sends it."""


@dataclass(frozen=True)
class Inferred:
    """What a model said.

    Attributes:
        file: mask in a temporary file, for the caller to remove; None where the task writes none.
        params: the rest, as JSON.
        label: id of the label, where it was saved.
        proposal: the outline, for the record of who was helped; None where the task tells none.
    """

    file: Path | None
    params: dict[str, Any]
    label: str | None = None
    proposal: Proposal | None = None


def infer(
    task: InferTask,
    request: Mapping[str, Any],
    datastore: Datastore,
    *,
    so_far: SoFar | None = None,
    upload: Path | None = None,
    drawn: Path | None = None,
    save: bool = False,
) -> Inferred:
    """Run a task on ``request["image"]``, an id.

    Args:
        so_far: what the task answered the same client last.
        upload: image file to use instead.
        drawn: file of a label that goes with the prompts: the mask so far, or scribbles.
        save: keep the mask as the model's label of the image (tag ``original``); not with `upload`.

    Raises:
        Exception: what the data source raises for an unknown id, and the task for an image that it cannot use.
    """
    image_id = request.get("image", "")
    path = upload or Path(datastore.get_image_uri(image_id))
    asked = {**request, "image": str(path), "image_id": image_id, PROPOSAL: True, "description": task.description}
    asked[SO_FAR] = so_far
    file, told = task({**asked, "label": str(drawn)} if drawn else asked)
    params = dict(told or {})
    proposal = params.pop(PROPOSAL, None)
    mask = Path(file) if file else None
    label = None
    if save and mask:
        info = {"model": request["model"], "params": params}
        try:
            label = datastore.save_label(image_id, str(mask), DefaultLabelTag.ORIGINAL.value, info)
        except BaseException:
            mask.unlink()  # there is no caller who could
            raise
    return Inferred(mask, params, label, proposal)
