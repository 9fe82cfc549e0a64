"""How long the scores of an evaluation take, without any network."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from scipy import ndimage

from mammoseg.handlers.per_image_report import PerImageReport


def benchmark_evaluate(images: int = 1000, *, side: int = 256) -> dict[str, Any]:
    """Score made probability maps as `evaluate` does, with all tables and pictures, on one core.

    Args:
        images: number of images, two a patient.
        side: rows and columns of each.
    Returns:
        JSON values: seconds for all, of them those for tables and pictures.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    items = [_item(number, side) for number in range(images)]
    with TemporaryDirectory() as folder:
        engine = Engine(lambda _, batch: batch)
        PerImageReport(Path(folder)).attach(engine)
        finished: dict[str, float] = {}
        engine.add_event_handler("EPOCH_COMPLETED", lambda: finished.update(scores=perf_counter()))
        start = perf_counter()
        engine.run([items[at : at + 16] for at in range(0, images, 16)])
        end = perf_counter()
    return {
        "images": f"{images} of {side} x {side}",
        "seconds": round(end - start, 2),
        "of_them_tables_and_pictures": round(end - finished["scores"], 2),
    }


def _item(number: int, side: int) -> dict[str, Any]:
    """A mass of 1 % of the image, and a smooth map of ten spots, one of them near it."""
    random = np.random.default_rng(number)
    rows, columns = np.indices((side, side))
    centre = random.uniform(0.2, 0.8, 2) * side
    truth = np.hypot(rows - centre[0], columns - centre[1]) < 0.056 * side
    spots = np.zeros((side, side))
    places = np.clip(np.rint([centre, *random.uniform(0, side, (9, 2))]).astype(int), 0, side - 1)
    spots[tuple(places.T)] = random.random(10)
    smooth = ndimage.gaussian_filter(spots, side / 30)
    probability = (smooth / smooth.max())[None]
    identity = {"image_id": f"{number:05}", "patient_id": f"P{number // 2}", "laterality": "L", "view": "CC"}
    return identity | {"pred": torch.tensor(probability), "label": torch.tensor(truth[None])}
