"""Interactive models, and an automatic one whose proposals are corrected, on the same films by the same annotators."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.weights_file import SHIPPED
from mammoseg.errors import make_unknown_name_error
from mammoseg.evaluation.evaluate_prompts import correct_proposals, load_films, outline_masses, summarise_outlines
from mammoseg.inference.predictor import Predictor
from mammoseg.interactive.click_model import load_click_model
from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.region_growing import RegionGrowing
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.cached_dataset import CachedDataset

MODELS: dict[str, Callable[[Path | None], InteractiveModel]] = {
    "click_unet": load_click_model,
    "random_walker": lambda _: RandomWalker(),
    "region_growing": lambda _: RegionGrowing(),
}
"""What makes a model by its name, from the file of weights that was named for `click_unet`."""

AUTOMATIC = ("efficientnet_unet",)
"""Bundles whose proposals `click_unet` corrects, with the weights that they ship with."""


def benchmark_prompts(
    dataset_dir: Path | str,
    models: str | Sequence[str] = tuple(MODELS),
    *,
    section: str = "test",
    seeds: int | Sequence[int] = (0, 1, 2),
    weights: Path | str | None = None,
    images: int | None = None,
    cache_dir: Path | str | None = None,
) -> Iterator[dict[str, Any]]:
    """Let a simulated annotator outline each mass of films: Dice of models after each prompt, docs/interactive.md.

    Args:
        dataset_dir: folder of a datalist.json.
        models: names of interactive models, or of an automatic one whose proposals are corrected.
        section: section of the datalist whose films are outlined.
        seeds: numbers that the annotators' draws come from.
        weights: checkpoint of bundle `click_unet`; None takes its own.
        images: number of films, from the first; None takes all.
        cache_dir: folder of the cache of films; None keeps nothing.

    Yields:
        JSON values of each model: `mammoseg.evaluation.evaluate_prompts.summarise_outlines`, and seconds for each
        answer to a prompt.

    Raises:
        WrongCallError: an unknown model.
    """
    names = [models] if isinstance(models, str) else list(models)
    known = (*MODELS, *AUTOMATIC)
    if unknown := [name for name in names if name not in known]:
        raise make_unknown_name_error("interactive model", unknown[0], known)
    films = load_films(dataset_dir, section=section, cache_dir=cache_dir)
    films.data = films.data[:images]
    drawn = [seeds] if isinstance(seeds, int) else list(seeds)
    for name in names:
        model = MODELS.get(name, load_click_model)(None if weights is None else Path(weights))
        yield {"model": name, "section": section, "seeds": drawn, **_outline(name, model, films, drawn)}


def _outline(name: str, model: InteractiveModel, films: CachedDataset, seeds: Sequence[int]) -> dict[str, Any]:
    began = time.perf_counter()
    if name in AUTOMATIC:
        outlined = list(correct_proposals(model, films, _build_proposer(name), seeds=seeds))
    else:
        outlined = list(outline_masses(model, films, seeds=seeds))
    seconds = (time.perf_counter() - began) / sum(len(each.dice) for each in outlined)
    return {"seconds": seconds, **summarise_outlines(outlined)}


def _build_proposer(bundle: str) -> Callable[[np.ndarray], np.ndarray]:
    """What a bundle draws in a whole film ``(rows, columns)``, 0 to 1, with the weights that it ships with."""
    predictor = Predictor(bundle, weights=Path(locate_bundle(bundle)) / "models" / SHIPPED, runtime="auto")

    def propose(film: np.ndarray) -> np.ndarray:
        mammogram = Mammogram(film, None, None, None, None, None, (0.0, 1.0), Path("film"))
        return predictor.predict(mammogram).probability >= predictor.threshold

    return propose
