"""All scores of one image, from one preprocessing of it: computed on the network's grid, never from a mask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.inferers import SimpleInferer
from torch import Tensor, nn

from mammoseg.active_learning.bottleneck import BottleneckFeatures
from mammoseg.active_learning.disagreement import compute_bald, dropout_on, list_dropout_layers
from mammoseg.active_learning.private_network import copy_network
from mammoseg.active_learning.tta import make_light_views, undo_light_views
from mammoseg.active_learning.uncertainty import (
    compute_binary_entropy,
    compute_region_mean,
    compute_top_mean,
    find_breast_region,
    find_outline_band,
)
from mammoseg.errors import WrongCallError
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.ensemble import MeanPredictor
from mammoseg.inference.flips import FlipInferer
from mammoseg.inference.predictor import Predictor
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.mass_probability import compute_mass_probability

SCORES = ("uncertainty_mean", "uncertainty_top", "uncertainty_outline", "tta", "bald")
"""Names of all scores; each is 0 or more, and the higher, the more there is to learn from the image."""


@dataclass(frozen=True)
class ImageScores:
    """What a network says of one image.

    Attributes:
        scores: each by its name, see `SCORES`; those that were asked for.
        features: output of the bottleneck, float32 ``(features,)``.
        disagreement: what gave the samples for ``bald``: ``"mc_dropout"``, ``"ensemble"`` or ``"tta"``; None without.
    """

    scores: dict[str, float]
    features: np.ndarray
    disagreement: str | None = None


class Scorer:
    """Scores images by a network; the same image, network and seed give the same scores.

    It works on a network of its own that shares the weights, so others may go on predicting with theirs; but by one
    thread at a time.

    Args:
        network: gives logits ``(N, 1 or 2, H, W)``.
        inferer: inferer of MONAI; the image as a whole when None.
        threshold: least probability of the predicted outline.
        samples: passes with dropout on.
        seed: seed of the dropout.
        ensemble: further networks; where there is no dropout they give the samples of ``bald``, and where there are
            none of them either, test-time augmentation does.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        inferer: Any = None,
        threshold: float = 0.5,
        samples: int = 8,
        seed: int = 0,
        ensemble: Sequence[nn.Module] = (),
    ) -> None:
        self.network = copy_network(network)
        self.inferer = inferer or SimpleInferer()
        self.threshold = threshold
        self.samples = samples
        self.seed = seed
        self.ensemble = [network.eval() for network in ensemble]

    @torch.no_grad()
    def __call__(self, image: Tensor, wanted: Collection[str] = SCORES) -> ImageScores:
        """Scores of a preprocessed image ``(C, H, W)`` on the device of the network.

        Args:
            wanted: names of the scores; ``tta`` and ``bald`` take more passes through the network than all others.
        """
        with BottleneckFeatures(self.network) as watched:
            probability = self._compute_probabilities(image[None])[0].double().cpu().numpy()
        breast = find_breast_region(image[0].cpu().numpy())
        outline = find_outline_band(probability, threshold=self.threshold)
        entropy = compute_binary_entropy(probability)
        scores = {
            "uncertainty_mean": compute_region_mean(entropy, breast),
            "uncertainty_top": compute_top_mean(entropy, breast),
            "uncertainty_outline": compute_region_mean(entropy, outline),
        }
        disagreement = None
        if "tta" in wanted:
            scores["tta"] = compute_top_mean(self._predict_augmented(image).var(axis=0), breast)
        if "bald" in wanted:
            samples, disagreement = self._sample_probabilities(image)
            scores["bald"] = compute_top_mean(compute_bald(samples), breast)
        features = watched.features.mean(dim=0).float().cpu().numpy()
        return ImageScores({name: scores[name] for name in SCORES if name in wanted}, features, disagreement)

    def _compute_probabilities(self, images: Tensor, network: nn.Module | None = None) -> Tensor:
        """Mass probability ``(N, H, W)`` of images ``(N, C, H, W)``."""
        logits = self.inferer(images, network or self.network)
        return torch.cat([compute_mass_probability(one.float()) for one in logits])

    def _predict_augmented(self, image: Tensor) -> np.ndarray:
        """Probabilities ``(6, H, W)`` of the augmented image, on the grid of the image."""
        return undo_light_views(self._compute_probabilities(make_light_views(image))).double().cpu().numpy()

    def _sample_probabilities(self, image: Tensor) -> tuple[np.ndarray, str]:
        """Probabilities ``(samples, H, W)`` that BALD compares, and what gave them."""
        if list_dropout_layers(self.network):
            with dropout_on(self.network, seed=self.seed):
                samples = self._compute_probabilities(image.expand(self.samples, *image.shape))
            return samples.double().cpu().numpy(), "mc_dropout"
        if self.ensemble:
            members = [self._compute_probabilities(image[None], member) for member in (self.network, *self.ensemble)]
            return torch.cat(members).double().cpu().numpy(), "ensemble"
        return self._predict_augmented(image), "tta"


def build_scorer(predictor: Predictor | MeanPredictor, *, samples: int = 8, seed: int = 0) -> Scorer:
    """Scorer of what a predictor predicts with."""
    inferer = FlipInferer(predictor.flips)
    return Scorer(
        _require_torch(predictor).network, inferer=inferer, threshold=predictor.threshold, samples=samples, seed=seed
    )


def score_mammogram(
    scorer: Scorer, predictor: Predictor | MeanPredictor, mammogram: Mammogram, wanted: Collection[str] = SCORES
) -> ImageScores:
    """Scores of a mammogram that was read before, preprocessed as the predictor does.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    image = torch.from_numpy(predictor.preprocessing(mammogram).image)
    return scorer(image.to(_require_torch(predictor).device), wanted)


def _require_torch(predictor: Predictor | MeanPredictor) -> TorchEngine:
    """The engine of a predictor; scores look inside the network, which only torch lets them."""
    if not isinstance(predictor.engine, TorchEngine):
        raise WrongCallError(f"scores need the runtime torch, and this predictor has {predictor.engine.name}.")
    return predictor.engine
