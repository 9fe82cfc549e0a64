"""How long the scores of an evaluation take, and the report of many, without any network."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from scipy import ndimage

from mammoseg.evaluation.compare import compare
from mammoseg.evaluation.tables import write_per_image
from mammoseg.handlers.per_image_report import PerImageReport
from mammoseg.metrics.scores import SCORES


def benchmark_evaluate(images: int = 1000, *, side: int = 256) -> dict[str, Any]:
    """Score made probability maps as `evaluate` does, with all tables and pictures, on one core.

    Args:
        images: number of images, two a patient.
        side: rows and columns of each.
    Returns:
        JSON values: seconds for all, of them those of the processor, and those for tables and pictures.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    items = [_generate_item(number, side) for number in range(images)]
    with TemporaryDirectory() as folder:
        engine = Engine(lambda _, batch: batch)
        PerImageReport(Path(folder)).attach(engine)
        finished: dict[str, float] = {}
        engine.add_event_handler("EPOCH_COMPLETED", lambda: finished.update(scores=perf_counter()))
        start, computed = perf_counter(), process_time()
        engine.run([items[at : at + 16] for at in range(0, images, 16)])
        end, computed = perf_counter(), process_time() - computed
    return {
        "images": f"{images} of {side} x {side}",
        "seconds": round(end - start, 2),
        "processor_seconds": round(computed, 2),
        "of_them_tables_and_pictures": round(end - finished["scores"], 2),
    }


def benchmark_report(models: int = 20, *, images: int = 1500) -> dict[str, Any]:
    """Compare made evaluations as `compare` does, with all tables, pictures and the page, on one core.

    Args:
        models: number of evaluations.
        images: number of images of each, two a patient, on both grids, with all facts that make subgroups.
    Returns:
        JSON values: seconds for all, of them those of the processor, and the size of the page.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with TemporaryDirectory() as folder:
        runs = [Path(folder) / f"model_{number:02}" for number in range(models)]
        for number, run in enumerate(runs):
            write_per_image(run / "per_image.csv", _generate_rows(number, images))
        start, computed = perf_counter(), process_time()
        with redirect_stdout(StringIO()):  # a line a pair
            compare(*runs, output=Path(folder) / "out")
        end, computed = perf_counter(), process_time() - computed
        size = (Path(folder) / "out" / "report.html").stat().st_size
    return {
        "report": f"{models} models, {images} images on both grids",
        "seconds": round(end - start, 2),
        "processor_seconds": round(computed, 2),
        "report_kb": round(size / 1000),
    }


def _generate_rows(model: int, images: int) -> Iterator[dict[str, Any]]:
    """Images that are alike for all models, and scores that are not."""
    of_images, of_model = np.random.default_rng(0), np.random.default_rng(model + 1)
    for number in range(images):
        facts: dict[str, Any] = {name: int(of_images.integers(1, 5)) for name in ("birads", "density", "subtlety")}
        facts |= {name: f"{name} {of_images.integers(5)}" for name in ("shape", "margin", "pathology", "vendor")}
        truth = int(of_images.integers(100, 4000))
        identity: dict[str, Any] = {"image_id": f"{number:05}", "patient_id": f"P{number // 2}"}
        identity |= {"laterality": "LR"[number // 2 % 2]}
        identity |= {"view": ("CC", "MLO")[number % 2], "has_mass": True, "batch": 1 + number // 16}
        for grid in ("network", "original"):
            scores = dict(zip(SCORES, of_model.beta(4 + model / 10, 2, len(SCORES)), strict=True))
            counts = {
                "predicted_px": int(truth * of_model.uniform(0.5, 1.5)),
                "truth_px": truth,
                "common_px": truth // 2,
            }
            yield identity | facts | {"grid": grid} | scores | counts | {"masses": 1, "missed_masses": 0}


def _generate_item(number: int, side: int) -> dict[str, Any]:
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
