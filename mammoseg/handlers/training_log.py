"""The course of a training run, epoch by epoch: a line in words, and a CSV file that is complete at every moment."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch.optim import Optimizer

from mammoseg.csv_table import write_csv
from mammoseg.evaluation.tables import format_scores
from mammoseg.files import check_folder

logger = logging.getLogger(__name__)


def log_scores(engine: Engine) -> None:
    """Log what an evaluator has scored, as scores of its section: unlike in a training, none of them is a best one."""
    logger.info(f"scored: {', '.join(format_scores(engine.state.metrics))}")


class ScoreLog:
    """Calls `log_scores` at the end; MONAI's ``StatsHandler`` does too, and takes a Ctrl-C for a fault to be traced."""

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, log_scores)


class TrainingLog:
    """Writes ``metrics.csv``: epoch, mean training loss, validation metrics, learning rate, seconds; logs a line each.

    Args:
        path: path of the CSV file; it is written anew after each epoch, also after a resume, without gaps or doubles.
        evaluator: evaluator whose metrics are logged, under their own names.
        optimizer: optimizer whose learning rate is logged.
    """

    def __init__(self, path: Path | str, evaluator: Evaluator, optimizer: Optimizer) -> None:
        self.path = Path(path)
        self.evaluator = evaluator
        self.optimizer = optimizer
        self.rows: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._rate = 0.0
        self._start = 0.0
        self._seconds: list[float] = []

    def attach(self, engine: Engine) -> None:
        """Follow the trainer `engine`; attach it after the `ValidationHandler`."""
        engine.add_event_handler(Events.STARTED, lambda: check_folder(self.path.parent))
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_loss)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end)

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.rows = list(state["rows"])

    def _begin(self, _: Engine) -> None:
        self._losses, self._start = [], time.perf_counter()
        self._rate = self.optimizer.param_groups[0]["lr"]

    def _add_loss(self, engine: Any) -> None:
        output = engine.state.output
        self._losses.append(float(output[0]["loss"] if isinstance(output, list) else output["loss"]))

    def _end(self, engine: Any) -> None:
        validated = self.evaluator.state.epoch == engine.state.epoch
        metrics = {name: float(value) for name, value in self.evaluator.state.metrics.items()} if validated else {}
        self.rows.append(
            {
                "epoch": engine.state.epoch,
                "train_loss": self._compute_mean_loss(),
                **metrics,
                "lr": self._rate,
                "seconds": round(time.perf_counter() - self._start, 3),
            }
        )
        if idist.get_rank() == 0:
            self._write()
            self._seconds.append(self.rows[-1]["seconds"])
            logger.info(self._say_epoch(engine.state.epoch, engine.state.max_epochs, metrics))

    def _compute_mean_loss(self) -> float:
        """Mean over the epoch's steps, of which each process computed its share."""
        mean = sum(self._losses) / max(len(self._losses), 1)
        return float(idist.all_reduce(mean)) / idist.get_world_size()

    def _say_epoch(self, epoch: int, epochs: int, metrics: Mapping[str, float]) -> str:
        """The last row in words, with the time that the epochs of this process let expect for those to come."""
        scores = [f"validation {score}" for score in format_scores(metrics)]
        said = ", ".join([f"loss {self.rows[-1]['train_loss']:.4f}", *scores])
        took = f"epoch {epoch} of {epochs}: {said}; {self._seconds[-1]:.1f} s"
        if epoch == epochs:
            return took
        left = max(1, (epochs - epoch) * sum(self._seconds) / len(self._seconds))
        time_left = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min" if left < 7200 else f"{left / 3600:.1f} h"
        return f"{took}, at most {time_left} left"

    def _write(self) -> None:
        write_csv(self.path, self.rows)
