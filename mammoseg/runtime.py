"""The `mammoseg` command of the distribution mammoseg-runtime: `predict` alone, without torch; docs/deployment.md."""

import os
import sys
from collections.abc import Sequence

from mammoseg import cli, commands
from mammoseg.command_line import run_to_end
from mammoseg.errors import WrongCallError

COMMANDS = {"predict": commands.COMMANDS["predict"]}


def main() -> None:
    """Run the command line and end the program; see `mammoseg.command_line.run_to_end`."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run_to_end(lambda: run(sys.argv[1:])))


def run(words: Sequence[str]) -> None:
    """Run the command that `words` hold; see `mammoseg.cli.run`.

    Raises:
        WrongCallError: there is no such command here, or it needs a part of the full installation.
    """
    try:
        cli.run(words, COMMANDS)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("mammoseg."):
            raise
        raise WrongCallError(
            f"{error.name} is no part of mammoseg-runtime, which runs single networks by OpenVINO; install mammoseg."
        ) from error


if __name__ == "__main__":
    main()
