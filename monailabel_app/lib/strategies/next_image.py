"""One strategy of MONAI Label: the unlabelled image that its scores put first and that nobody else has in work."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.strategy import Strategy

from mammoseg.active_learning.scores import ImageScores
from mammoseg.active_learning.selection import pick_order
from mammoseg.active_learning.strategies import STRATEGIES, WITH_FEATURES, WITHOUT_NETWORK, list_wanted_scores, rate
from monailabel_app.lib.datastore.leases import LEASE_SECONDS
from monailabel_app.lib.strategies.settings import StrategySettings
from monailabel_app.lib.strategies.stored_scores import StoredScores

NOBODY = "anonymous"
"""Who asks where there is no login."""


class NextImage(Strategy):
    """A strategy by its name.

    An image that was given out less than half an hour ago and has no label yet counts as labelled and comes last, so
    that the next request gets another one. One that the user skipped is not given to that user.

    Args:
        name: name of a strategy, see `STRATEGIES`.
        scores: shared by all strategies.
        clock: seconds since 1970.
    """

    def __init__(
        self, name: str, scores: StoredScores, settings: StrategySettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(STRATEGIES[name])
        self.name = name
        self.scores = scores
        self.settings = settings
        self.clock = clock

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any] | None:
        """Choose and lease an image.

        Args:
            request: ``user``; optionally ``model`` that scores and ``group`` (whether views of one patient are kept
                apart).
        Returns:
            ``id``, ``score`` and ``candidates`` (images that had a score); None where no image is left.
        Raises:
            ModelNotReadyError: scores are needed and there are no weights.
        """
        user = str(request.get("user") or NOBODY)
        unlabelled = sorted(
            image
            for image in datastore.get_unlabeled_images()
            if user not in datastore.get_image_info(image).get("skipped", {})
        )
        given = self._find_given(datastore, unlabelled)
        free = [image for image in unlabelled if image not in given]
        done = [*sorted(datastore.get_labeled_images()), *given]
        for images in (free, sorted(given, key=given.__getitem__)):
            rated = self._rate(request, datastore, images, done)
            for image in self._pick_order(request, datastore, rated, done):
                if datastore.lease(image, user):
                    return {"id": image, "score": rated[image], "candidates": len(rated)}
        return None

    def _rate(
        self, request: Mapping[str, Any], datastore: Any, images: Sequence[str], done: Sequence[str]
    ) -> dict[str, float]:
        scores: dict[str, ImageScores] = {}
        if images and self.name not in WITHOUT_NETWORK:
            also = [image for image in done if image not in images] if self.name in WITH_FEATURES else []
            wanted = list_wanted_scores(self.name)
            scores = self.scores.collect(datastore, images, wanted=wanted, also=also, model=request.get("model"))
            images = [image for image in images if image in scores]
        rng = np.random.default_rng([self.settings.seed, len(done)])
        return rate(self.name, images, scores=scores, labelled=[i for i in done if i not in images], rng=rng)

    def _pick_order(
        self, request: Mapping[str, Any], datastore: Any, rated: Mapping[str, float], done: Sequence[str]
    ) -> list[str]:
        if str(request.get("group", self.settings.group)).lower() != "true":
            return pick_order(rated)
        groups = {image: datastore.get_patient_group(image) for image in rated}
        return pick_order(rated, groups=groups, taken=Counter(datastore.get_patient_group(image) for image in done))

    def _find_given(self, datastore: Any, images: Sequence[str]) -> dict[str, float]:
        """When each image was given out that may still be in work."""
        found = {}
        for image in images:
            times = [given.get("ts", 0) for given in datastore.get_image_info(image).get("strategy", {}).values()]
            if times and max(times) > self.clock() - LEASE_SECONDS:
                found[image] = float(max(times))
        return found
