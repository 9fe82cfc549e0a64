"""Build the wheel of mammoseg-runtime, which has `predict` alone and needs no torch; docs/deployment.md.

Usage: python scripts/build_runtime.py --output DIR
"""

from pathlib import Path

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.command_line import run_script
from mammoseg.deploy.runtime_distribution import build_runtime
from mammoseg.inference.engines.conversion import convert_shipped


def main(output: str) -> None:
    """Write the wheel and name it.

    Args:
        output: folder of the wheel; made if it is not there.
    """
    print(build_runtime(Path(output), converted=convert_shipped()))


if __name__ == "__main__":
    run_script(main)
