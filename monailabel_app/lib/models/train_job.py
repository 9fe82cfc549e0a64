"""One training in a process of its own, so that the server goes on and neither can take the other down.

Usage: python -m monailabel_app.lib.models.train_job JOB.json PARENT (started by `monailabel_app.lib.models.train`)

It trains the bundle by its own config, scores the served weights and the new ones on the held-out images, and writes
``result.json``. It ends with process PARENT, however that one ends.
"""

import math
import sys
import traceback
from pathlib import Path
from typing import Any

from mammoseg.data.datalist import DATALIST, load_section
from mammoseg.errors import MammosegError, say_kind_and_place
from mammoseg.evaluation.forward import judge_images
from mammoseg.files import hash_file, write_json
from mammoseg.inference.ensemble import load_predictor
from mammoseg.metrics.overlap import compute_dice
from mammoseg.parent import end_with_parent
from mammoseg.training.workflow import train
from monailabel_app.lib.models.job_files import TrainJob

NO_NUMBER = None
"""Dice of an image without a mass, in JSON."""


def main(path: Path) -> None:
    """Do the job and write its result, or why there is none."""
    job = TrainJob.read(path)
    try:
        result = run(job)
    except MammosegError as error:
        result = {"error": str(error)}
    except Exception as error:  # its text may quote a header; the log of the run has the places
        result = {"error": f"{say_kind_and_place(error)}."}
        traceback.print_exc()
    write_json(job.result, result)


def run(job: TrainJob) -> dict[str, Any]:
    """Score what is served, train, and score the new weights on the same images by the same code.

    Weights that cannot be compared with are refused before hours of training.
    """
    held_out = load_section(job.data / DATALIST, "test")
    before = None if job.served is None else score(Path(job.served), held_out, job)
    overrides = {**job.overrides, "ckpt_dir": str(job.folder / "models"), "output_dir": str(job.folder / "log")}
    train(job.bundle, dataset_dir=str(job.data), recipe=job.recipe, start_from=job.start_from, **overrides)
    after = score(job.weights, held_out, job)
    return {"sha256": hash_file(job.weights), "after": after, "before": before}


def score(weights: Path, records: list[dict[str, Any]], job: TrainJob) -> dict[str, float | None]:
    """Dice of each image on its own grid by its code, as it would be served; None where the person drew no mass.

    Outside the breast nothing is mass; as in an evaluation, what a prediction leaves out as too small counts.

    Args:
        weights: a file, or a folder of several.
    """
    how: dict[str, Any] = {"device": job.device, "modalities": tuple(job.modalities), "runtime": job.runtime}
    predictor = load_predictor(job.bundle, weights=weights, flips=job.flips, precision=job.precision, **how)
    scores: dict[str, float | None] = {}
    for image in judge_images(predictor, records, doing="scoring"):
        dice = compute_dice(image.probability >= predictor.threshold, image.truth)
        scores[image.record["image_id"]] = NO_NUMBER if math.isnan(dice) else dice
    return scores


if __name__ == "__main__":
    end_with_parent(int(sys.argv[2]))
    main(Path(sys.argv[1]))
