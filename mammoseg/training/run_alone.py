"""An engine that runs while no other process writes what it writes."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch.distributed as dist
from ignite.engine import Engine

from mammoseg.files import sole_writer


def run_alone(engine: Engine, *, folders: Sequence[Path | str], lock: str) -> None:
    """Run a trainer or evaluator of MONAI, which knows its data.

    Args:
        folders: folders that it writes to; of several processes of one run, the first holds them.
        lock: name of the file that stands for such runs in each of them.
    Raises:
        MammosegError: another process has one of the folders.
        OSError: a folder cannot be written.
    """
    with ExitStack() as held:
        if not (dist.is_initialized() and dist.get_rank() > 0):
            for folder in sorted({Path(folder).resolve() for folder in folders}):
                held.enter_context(sole_writer(folder, folder / lock))
        engine.run()
