"""Numbers for TensorBoard, in a file that is there from the first of them on."""

from functools import cached_property
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class LateEvents:
    """A `SummaryWriter` for MONAI's ``TensorBoardStatsHandler`` whose file is made when there is something to write.

    PyTorch's own makes folder and file at once, so that a run which never began would leave an empty one.

    Args:
        log_dir: folder of the file.
    """

    def __init__(self, log_dir: Path | str) -> None:
        self.log_dir = str(log_dir)

    @cached_property
    def writer(self) -> SummaryWriter:
        """The writer itself, made at the first use."""
        return SummaryWriter(log_dir=self.log_dir)

    def add_scalar(self, *arguments: Any, **options: Any) -> None:
        """Note a number, as `SummaryWriter.add_scalar`."""
        self.writer.add_scalar(*arguments, **options)

    def flush(self) -> None:
        """Write what was noted, if anything was; MONAI calls it after each number or epoch."""
        if "writer" in self.__dict__:
            self.writer.flush()
