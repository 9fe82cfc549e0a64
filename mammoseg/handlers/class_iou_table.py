"""Ignite handler that writes the IoU of every class."""

from pathlib import Path

import ignite.distributed as idist
from ignite.engine import Engine, Events

from mammoseg.csv_table import write_csv
from mammoseg.metrics.mean_iou import MeanIoU


class ClassIoUTable:
    """Writes ``class_iou.csv`` when an evaluator completes: class, IoU, true pixels, and a last line for the mean.

    Args:
        output_dir: folder of the file.
        metric: metric of the evaluator; what it computed is written by the first of several processes.
    """

    def __init__(self, output_dir: str | Path, *, metric: MeanIoU) -> None:
        self.path = Path(output_dir) / "class_iou.csv"
        self.metric = metric

    def attach(self, engine: Engine) -> None:
        """Write when `engine` completes."""
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _write(self, engine: Engine) -> None:
        if idist.get_rank() == 0:
            write_csv(self.path, self.metric.by_class)
