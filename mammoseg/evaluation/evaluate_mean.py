"""Score the mean of several weights on a section of a datalist; one network alone is MONAI's workflow's work."""

from pathlib import Path
from typing import Any

from mammoseg.bundles import locate_runs
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.weights_file import Named, list_named_weights
from mammoseg.data.datalist import DATALIST, load_section, read_voi
from mammoseg.evaluation.forward import judge_images
from mammoseg.evaluation.origin import NO_LEAST_AREA, describe_data_origin, describe_making
from mammoseg.evaluation.other_scores import refuse_other_scores
from mammoseg.evaluation.scored_image import score_image, write_evaluation
from mammoseg.files import check_folder, sole_writer
from mammoseg.inference.ensemble import load_predictor
from mammoseg.provenance import read_current_commit

LOCK = ".evaluating.lock"
"""In the output folder, as the workflow of one network has it."""


def evaluate_mean(
    bundle: str,
    *,
    weights: Named,
    dataset_dir: str | Path,
    output_dir: str | Path | None = None,
    validation_section: str = "test",
    threshold: float | None = None,
    flips: bool | None = None,
    device: str | None = None,
) -> Path:
    """Write the tables of an evaluation on the original grid: members may see grids of their own.

    Args:
        bundle: bundle of those weights that name none.
        weights: weights whose probabilities are averaged, see `mammoseg.inference.ensemble.load_predictor`.
        dataset_dir: folder of the ``datalist.json``.
        output_dir: folder of the tables; ``eval`` where the bundle writes its runs when None.
        validation_section: section that is scored.
        threshold: probability from which a pixel is mass; that of the mean when None.
        flips: whether each member looks twice; as they record it when None.
        device: torch device; None takes a GPU where there is one.
    Returns:
        The folder of the tables.
    Raises:
        WrongCallError: the section has no image, or the folder has the scores of other weights.
        MammosegError: what a person can mend.
    """
    datalist = Path(dataset_dir) / DATALIST
    records = load_section(datalist, validation_section)
    output = Path(output_dir or Path(locate_runs(bundle)) / "eval")
    check_folder(output)
    predictor = load_predictor(bundle, weights=weights, flips=flips, device=device, voi=read_voi(datalist))
    refuse_other_scores(output, {"weights_sha256": predictor.algorithm.weights_sha256})
    threshold = predictor.threshold if threshold is None else threshold
    with sole_writer(output, output / LOCK):
        images = [
            [
                score_image(
                    image.probability,
                    image.truth,
                    threshold=threshold,
                    item=image.record,
                    grid="original",
                    spacing_mm=_read_spacing(image.record),
                    lesions=image.lesions,
                )
            ]
            for image in judge_images(predictor, records, doing="evaluating")
        ]
        algorithm = predictor.algorithm
        settings = {name: getattr(algorithm, name) for name in ("flips", "engine", "precision")}
        facts = {name: getattr(algorithm, name) for name in ("weights_file", "weights_sha256", "trained_on")}
        data = describe_data_origin(
            datalist, validation_section, [read_weights(file).origin for file in list_named_weights(weights)]
        )
        about = {"bundle": algorithm.name, "commit": read_current_commit(), "threshold": threshold}
        made = {**NO_LEAST_AREA, **describe_making()}
        write_evaluation(output, images, provenance={**about, **data, **facts, **settings, **made})
    return output


def _read_spacing(record: dict[str, Any]) -> tuple[float, float] | None:
    row, column = record.get("pixel_spacing_mm") or (0, 0)
    return (row, column) if row > 0 and column > 0 else None
