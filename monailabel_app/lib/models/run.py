"""One inference: an image of the data source, or an uploaded one; never a path that a client names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.infer_v2 import InferTask


@dataclass(frozen=True)
class Inferred:
    """What a model said.

    Attributes:
        file: mask in a temporary file, for the caller to remove; None where the task writes none.
        params: the rest, as JSON.
        label: id of the label, where it was saved.
    """

    file: Path | None
    params: dict[str, Any]
    label: str | None = None


def infer(
    task: InferTask, request: Mapping[str, Any], datastore: Datastore, *, upload: Path | None = None, save: bool = False
) -> Inferred:
    """Run a task on ``request["image"]``, an id.

    Args:
        upload: image file to use instead.
        save: keep the mask as the model's label of the image (tag ``original``).

    Raises:
        Exception: what the data source raises for an unknown id, and the task for an image that it cannot use.
    """
    image_id = request.get("image", "")
    path = upload or Path(datastore.get_image_uri(image_id))
    file, params = task({**request, "image": str(path), "description": task.description})
    mask = Path(file) if file else None
    label = None
    if save and mask and not upload:
        info = {"model": request["model"], "params": params}
        try:
            label = datastore.save_label(image_id, str(mask), DefaultLabelTag.ORIGINAL.value, info)
        except BaseException:
            mask.unlink()  # there is no caller who could
            raise
    return Inferred(mask, dict(params or {}), label)
