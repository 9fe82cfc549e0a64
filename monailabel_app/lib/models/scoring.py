"""Scores of images, stored with them: Dice of a model against people's labels, and how uncertain a model is."""

import base64
import logging
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.scoring import ScoringMethod

from mammoseg.active_learning.scores import SCORES, build_scorer, score_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.metrics.overlap import compute_dice
from monailabel_app.lib.models.serving import ServedModel, choose_name

logger = logging.getLogger(__name__)

KEY = "scores"
"""Of an image's information: by model, ``version`` and ``weights_sha256``, and each score by its name.

The strategies read the same, and need ``features`` (float16, base64) besides; see `strategies.stored_scores`.
"""


class ModelScoring(ScoringMethod):
    """Scores images one after the other by one model; a refused image is counted and the others go on.

    The model is ``request["model"]``, or the first that has weights.

    Args:
        models: models by their names.
    """

    def __init__(self, models: Mapping[str, ServedModel], description: str) -> None:
        super().__init__(description)
        self.models = models

    def __call__(
        self, request: Mapping[str, Any], datastore: Any, *, is_stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Score, and store with each image.

        Args:
            is_stopped: asked before each image whether to end.
        Returns:
            ``model``, ``version``, ``total``, ``scored``, ``refused``, and the mean of each score.
        Raises:
            ModelNotReadyError: no model, or not this one, has weights that can be used without a box.
        """
        name = choose_name(self.models, request.get("model"))
        model = self.models[name]
        model.check_whole_images("scores")
        version, predictor = model.load_served()
        identity = {"version": version.number, "weights_sha256": predictor.weights_sha256}
        images = list(self.list_images(request, datastore))
        found: list[dict[str, Any]] = []
        refused = 0
        for number, image in enumerate(images, start=1):
            if is_stopped():
                break
            try:
                with no_header_values_in_warnings():
                    scores = self.score(model, image)
            except InputRefusedError as error:
                refused += 1
                logger.info("Scoring: an image is refused, %s", error.code)
                continue
            found.append(scores)
            store_scores(datastore, image["image_id"], name, identity, scores)
            logger.info("Scoring: %d of %d", number, len(images))
        counts = {"total": len(images), "scored": len(found), "refused": refused}
        return {"model": name, "version": version.number, **counts, "mean": _compute_means(found)}

    @abstractmethod
    def list_images(self, request: Mapping[str, Any], datastore: Any) -> Iterable[Mapping[str, Any]]:
        """``image_id`` and ``image`` (path) of what is to be scored, and what `score` needs besides."""

    @abstractmethod
    def score(self, model: ServedModel, image: Mapping[str, Any]) -> dict[str, Any]:
        """Scores of one image by their names, and texts that go with them.

        Raises:
            InputRefusedError: the image or its label cannot be used.
        """


class DiceScoring(ModelScoring):
    """Dice of the served model against the newest label of a person, on the grid of the image."""

    def __init__(self, models: Mapping[str, ServedModel]) -> None:
        super().__init__(models, "Dice of the model against the labels of people")

    def list_images(self, request: Mapping[str, Any], datastore: Any) -> Iterable[Mapping[str, Any]]:
        return list(datastore.list_human_labels())

    def score(self, model: ServedModel, image: Mapping[str, Any]) -> dict[str, Any]:
        mask = model.segment(image["image"]).mask
        dice = compute_dice(mask, read_mask(image["label"], shape=(mask.shape[0], mask.shape[1])) > 0)
        return {"dice": None if math.isnan(dice) else round(dice, 6)}  # None: the person drew no mass


class UncertaintyScoring(ModelScoring):
    """All scores of `mammoseg.active_learning`, for unlabelled images unless ``images`` says all or labeled."""

    def __init__(self, models: Mapping[str, ServedModel]) -> None:
        super().__init__(models, "How uncertain the model is of images without a label")

    def list_images(self, request: Mapping[str, Any], datastore: Datastore) -> Iterable[Mapping[str, Any]]:
        """Ids and paths of the images to score, sorted by id.

        Raises:
            WrongCallError: ``images`` of the request is none of ``all``, ``labeled`` and ``unlabeled``.
        """
        which = request.get("images", "unlabeled")
        ids = {
            "all": datastore.list_images,
            "labeled": datastore.get_labeled_images,
            "unlabeled": datastore.get_unlabeled_images,
        }
        if which not in ids:
            raise WrongCallError(f"images is none of {', '.join(ids)}.")
        return [{"image_id": image_id, "image": datastore.get_image_uri(image_id)} for image_id in sorted(ids[which]())]

    def score(self, model: ServedModel, image: Mapping[str, Any]) -> dict[str, Any]:
        predictor = model.load_torch_predictor()
        mammogram = predictor.read(Path(image["image"]))
        with model.computing:
            found = score_mammogram(build_scorer(predictor), predictor, mammogram, SCORES)
        features = base64.b64encode(found.features.astype(np.float16).tobytes()).decode()
        return {**found.scores, "features": features, "disagreement": found.disagreement}


def build_scoring_methods(models: Mapping[str, ServedModel]) -> dict[str, ScoringMethod]:
    """Every method by its name in the address."""
    return {"dice": DiceScoring(models), "uncertainty": UncertaintyScoring(models)}


def store_scores(
    datastore: Any, image_id: str, model: str, identity: Mapping[str, Any], scores: Mapping[str, Any]
) -> None:
    """Store scores with an image, beside those that it has of the same weights.

    Args:
        identity: ``version`` and ``weights_sha256`` of the model.
    """

    def add(known: dict[str, Any]) -> dict[str, Any]:
        before = known.get(model, {})
        is_of_these_weights = {key: before.get(key) for key in identity} == identity
        return {**known, model: {**(before if is_of_these_weights else {}), **identity, **scores}}

    datastore.change_image_info(image_id, KEY, add)


def _compute_means(found: list[dict[str, Any]]) -> dict[str, float]:
    names = dict.fromkeys(name for scores in found for name in scores)
    values = {name: [score[name] for score in found if isinstance(score.get(name), float)] for name in names}
    return {name: round(sum(v) / len(v), 6) for name, v in values.items() if v}
