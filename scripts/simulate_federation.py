"""Train a bundle by sites that exchange weights (NVFlare's simulator) and by one that sees all images; print the curve.

Usage: python scripts/simulate_federation.py --dataset_dir DATA --output NEW [--sites 3] [--rounds 10]
Needs NVFlare, in an environment of its own: pip install '.[fl]' there.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # each site is a process of its own
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.command_line import run_script
from mammoseg.training.federation import simulate_federation


def run_federation(dataset_dir: str, output: str, **options: Any) -> None:
    """Write ``curve.csv`` to a new folder and print it.

    Args:
        dataset_dir: folder of a datalist.json.
        output: new folder.
        options: bundle, sites and rounds of `mammoseg.training.federation.simulate_federation`, and overrides of the
            config, as `mammoseg train` takes them.
    """
    rows = simulate_federation(Path(dataset_dir), Path(output), **options)
    print(*rows[0], sep="\t")
    for row in rows:
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    run_script(run_federation)
