"""Build the config of every run, its network and its transforms, and train nothing."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from monai.bundle import ConfigParser

from mammoseg.audit.named_folder import require_known_configs
from mammoseg.bundles import locate_bundle
from mammoseg.cards.facts import Facts, measure_facts
from mammoseg.command_line import find_known_error
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.plans.look_at_data import count_images
from mammoseg.plans.plan import OF_THE_WEIGHTS, PlannedRun, RunPlan
from mammoseg.plans.steps import list_folds
from mammoseg.training.overrides import check_overrides, merge_config
from mammoseg.training.workflow import RECIPES

BUILT = ("preprocessing", "train::random_transforms", "train::batch_augmentation", "loss")
"""Parts of a config that are built beside the network."""


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        trainings: seeds times folds.
        epochs: at most, of one training; it may stop early.
        images: images of one training (masses where patches are cut); None where the data is not there yet.
        grid: rows and columns.
        facts: counts of the network, for one image of that grid.
    """

    trainings: int
    epochs: int
    images: int | None
    grid: tuple[int, int]
    facts: Facts


def estimate(plan: RunPlan, output: Path) -> dict[str, Estimate]:
    """Build every run of a plan, those of one config once, and look at the data that is there.

    Args:
        output: folder of the plan, where ingested data would be.
    Raises:
        WrongCallError: a config cannot be built, or its data lacks something; names the run.
    """
    images = count_images(plan, output)
    estimates = {}
    for run in plan.runs:
        shape = _with_its_weights(plan, run)
        try:
            epochs, grid, facts = _build_parts(
                shape.bundle, shape.recipe, json.dumps(dict(shape.overrides), sort_keys=True)
            )
        except Exception as error:  # whatever MONAI, a network or a transform raise
            raise WrongCallError(f"run '{run.name}' cannot be built: {_say_error(error)}") from error
        trainings = len(run.seeds) * len(list_folds(run))
        estimates[run.name] = Estimate(trainings, epochs, images[run.name], grid, facts)
    return estimates


@cache
def _build_parts(bundle: str, recipe: str, overrides_json: str) -> tuple[int, tuple[int, int], Facts]:
    """Parse a config and build its parts, the network without memory; epochs, grid and counts of the network."""
    overrides, overlays = json.loads(overrides_json), RECIPES[recipe]
    require_known_configs(bundle)
    check_overrides(overrides, merge_config(bundle, overlays))
    configs = Path(locate_bundle(bundle)) / "configs"
    parser = ConfigParser()
    parser.read_config([str(configs / f"{name}.json") for name in ("train", *overlays)])
    parser.read_meta(str(configs / "metadata.json"))
    parser.update({"voi": "first", **overrides, "encoder_weights": None})  # of data that need not be there yet
    with torch.device("meta"):
        network = parser.get_parsed_content("network_def").eval()
        rows, columns = parser.get_parsed_content("spatial_size")
        image = torch.zeros(1, parser.get_parsed_content("in_channels"), rows, columns)
    for part in BUILT:
        parser.get_parsed_content(part)
    return parser.get_parsed_content("max_epochs"), (rows, columns), measure_facts(network, image)


def _with_its_weights(plan: RunPlan, run: PlannedRun) -> PlannedRun:
    """The run as it would be without weights to start from: with the network and the grid of those."""
    if run.start_from is None:
        return run
    origin = _with_its_weights(plan, plan.get_run(run.start_from))
    taken = {key: value for key, value in origin.overrides.items() if key.startswith(OF_THE_WEIGHTS)}
    return PlannedRun(run.name, run.bundle, run.dataset, run.recipe, overrides={**taken, **run.overrides})


def _say_error(error: Exception) -> str:
    known = find_known_error(error)
    return (
        str(known) if isinstance(known, MammosegError) and known.exit_code != 70 else f"{type(error).__name__}: {error}"
    )
