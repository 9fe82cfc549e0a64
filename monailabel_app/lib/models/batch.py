"""A model over many images: each mask saved as the model's label, with progress, and again only what is not done."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from mammoseg.errors import InputRefusedError, WrongCallError

logger = logging.getLogger(__name__)

TAG = DefaultLabelTag.ORIGINAL.value
"""A model's label; a person's is ``final``, and is never written here."""


class MassBatchInferTask(BatchInferTask):
    """Images one after the other, since a network takes all cores for one.

    An image counts as done when it has a label by this version of this model at this threshold; so a run that was
    stopped or killed goes on where it was. A refused image is counted and the others go on.

    Args:
        version_of: number of the version that a model serves.
    """

    def __init__(self, version_of: Callable[[str], int | None]) -> None:
        self.version_of = version_of
        self._progress: dict[str, Any] = {}

    def __call__(
        self,
        request: Mapping[str, Any],
        datastore: Datastore,
        infer: Callable[..., Mapping[str, Any]],
        *,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Run the model of ``request["model"]`` over ``request["images"]``: all, labeled or unlabeled.

        Args:
            request: ``max_batch_size`` limits the number of images; ``force`` does again what is done.
            infer: the method `MONAILabelApp.infer`.
            is_stopped: asked before each image whether to end.
        Returns:
            See `progress`.
        """
        if request.get("label_tag", TAG) != TAG:
            raise WrongCallError(f"a model's labels have the tag {TAG}; {request['label_tag']} is a person's.")
        ids = sorted(self.get_images(dict(request), datastore))
        limit = int(request.get("max_batch_size") or 0)
        ids = ids[:limit] if limit > 0 else ids
        counts: Counter[str] = Counter()
        refused: dict[str, str] = {}
        model = str(request["model"])
        for index, image_id in enumerate(ids):
            if is_stopped():
                break
            self._note(model, "running", len(ids), counts, refused)
            if not request.get("force") and self._is_done(image_id, request, datastore):
                counts["skipped"] += 1
                continue
            try:
                self._infer(image_id, request, datastore, infer)
                counts["done"] += 1
            except InputRefusedError as error:
                counts["refused"] += 1
                refused[image_id] = error.code
            logger.info("Batch inference: %d of %d", index + 1, len(ids))
        self._note(model, "stopped" if is_stopped() else "done", len(ids), counts, refused)
        return self.progress

    @property
    def progress(self) -> dict[str, Any]:
        """``state``, ``model``, ``total``, ``done``, ``skipped``, ``refused``, and the code of each refusal."""
        return dict(self._progress)

    def _infer(
        self, image_id: str, request: Mapping[str, Any], datastore: Datastore, infer: Callable[..., Mapping[str, Any]]
    ) -> None:
        result = infer({**request, "image": image_id, "save_label": True, "label_tag": TAG}, datastore)
        if file := result.get("file"):
            Path(file).unlink(missing_ok=True)

    def _is_done(self, image_id: str, request: Mapping[str, Any], datastore: Datastore) -> bool:
        label_id = datastore.get_label_by_image_id(image_id, TAG)
        info = datastore.get_label_info(label_id, TAG) if label_id else {}
        params = info.get("params") or {}
        if info.get("model") != request["model"] or params.get("version") != self.version_of(str(request["model"])):
            return False
        asked = request.get("threshold")
        return asked in (None, "") or params.get("threshold") == float(asked)

    def _note(self, model: str, state: str, total: int, counts: Mapping[str, int], refused: Mapping[str, str]) -> None:
        numbers = {name: counts.get(name, 0) for name in ("done", "skipped", "refused")}
        self._progress = {"state": state, "model": model, "total": total, **numbers, "reasons": dict(refused)}
