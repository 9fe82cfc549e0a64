"""Replay annotation on a labelled set for each strategy and draw Dice against number of labels.

Usage: python scripts/simulate_active_learning.py [--output build/active_learning] [--seeds 3] [--dataset_dir DATASET]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")  # before numpy and torch start their threads
from pathlib import Path
from typing import Any

from checkout import ROOT

from mammoseg.active_learning.replay_job import STRATEGIES_BY_DEFAULT, run_replay
from mammoseg.command_line import run_script


def simulate_active_learning(
    output: str = "build/active_learning",
    dataset_dir: str | None = None,
    patients: int = 90,
    size: int = 128,
    pool: int = 120,
    test: int = 60,
    strategies: str | tuple[str, ...] = STRATEGIES_BY_DEFAULT,
    publish: bool = False,
    **plan: Any,
) -> None:
    """Run the plan, or go on with it, and write ``active_learning.png`` and ``active_learning.md`` in `output`.

    Args:
        output: folder of all steps; a second call goes on where the first one ended.
        dataset_dir: what `mammoseg ingest` wrote; None makes phantoms.
        patients: number of phantom patients, two views each.
        size: rows of a phantom.
        pool: images of the training section that can be labelled.
        test: images of the test section that the Dice is measured on.
        strategies: names with commas.
        publish: write picture and table into docs/ too.
        plan: fields of `mammoseg.active_learning.simulation.SimulationPlan`: seeds, start, query, rounds, ...; with
            tool_steps labels cost effort, and the files are called ``active_learning_effort``.
    """
    run_replay(
        Path(output),
        dataset_dir=None if dataset_dir is None else Path(dataset_dir),
        phantom={"patients": patients, "size": size},
        images=(pool, test),
        strategies=tuple(strategies.split(",")) if isinstance(strategies, str) else tuple(strategies),
        docs=ROOT / "docs" if publish else None,
        plan=plan,
    )


if __name__ == "__main__":
    run_script(simulate_active_learning)
