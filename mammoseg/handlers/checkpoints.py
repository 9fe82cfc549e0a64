"""Checkpoints of a training run: the best weights, and all it takes to go on after any interruption."""

import logging
from pathlib import Path
from typing import Any, Protocol

import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mammoseg.checkpoints.checkpoint import load_model, read_checkpoint, save_checkpoint
from mammoseg.checkpoints.weights_file import TO_GO_ON, TRAINED, WeightsError
from mammoseg.errors import say_difference
from mammoseg.files import check_folder
from mammoseg.handlers.early_stop import EarlyStop
from mammoseg.handlers.moving_average import MovingAverage
from mammoseg.handlers.saved_form import are_rows, has_same_form, is_state_of
from mammoseg.handlers.training_log import TrainingLog
from mammoseg.networks import Network
from mammoseg.transforms.pipelines import Preprocessing

MUST_AGREE = {
    "network": "network",
    "preprocessing": "preprocessing",
    "datalist_sha256": "datalist",
    "seed": "--seed",
    "fold": "--fold",
    "chosen_on": "--validation_section",
    "recipe": "--recipe",
    "lr": "--lr",
    "batch_size": "--batch_size",
    "encoder": "--encoder_weights",
    "started_from": "--start_from",
}
"""What a run has to have in common with the one it continues, as far as that has a record of it; each with its word."""

logger = logging.getLogger(__name__)


class Stateful(Protocol):
    """What can be saved and restored."""

    def state_dict(self) -> dict[str, Any]:
        """State as tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Take the state on."""


class Checkpoints:
    """After each epoch writes ``checkpoint.pt`` (everything) and, when the key metric improved, ``model.pt`` (weights).

    When the trainer starts and ``checkpoint.pt`` is there, the run continues after the epoch it holds. Both files are
    replaced in one step, so a run killed at any moment finds the old or the new one. Random generators need no saving:
    `EpochSeed` derives them from seed and epoch.

    Args:
        folder: folder where both files are.
        network: network that is trained; a `DistributedDataParallel` one is unwrapped.
        optimizer: optimizer of the run.
        lr_scheduler: schedule of the learning rate of the run.
        evaluator: engine whose key metric decides what is best.
        preprocessing: preprocessing whose settings go into both files.
        early_stop: attached with this handler; its state is saved and restored.
        training_log: attached with this handler; its state is saved and restored.
        average: attached with this handler, if there is one; its weights are those of ``model.pt``, and its state is
            saved and restored.
        provenance: origin of the weights, see `mammoseg.provenance.collect_provenance`.
        resume: False starts anew and overwrites what is there.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        network: Network | DistributedDataParallel,
        optimizer: Optimizer,
        lr_scheduler: LRScheduler | ReduceLROnPlateau,
        evaluator: Evaluator,
        preprocessing: Preprocessing,
        early_stop: EarlyStop,
        training_log: TrainingLog,
        provenance: dict[str, Any],
        average: MovingAverage | None = None,
        resume: bool = True,
    ) -> None:
        self.folder = Path(folder)
        self.network: Network = network.module if isinstance(network, DistributedDataParallel) else network
        self.evaluator = evaluator
        self.stateful: dict[str, Stateful] = {
            "optimizer": optimizer,
            "lr_scheduler": lr_scheduler,
            "early_stop": early_stop,
            "training_log": training_log,
            **({"average": average} if average else {}),
        }
        self.average = average
        self.settings = {
            "network": self.network.config,
            "preprocessing": preprocessing.settings,
            "provenance": provenance,
        }
        self.optimizer = optimizer
        self.early_stop = early_stop
        self.training_log = training_log
        self.resume = resume

    def attach(self, engine: Engine) -> None:
        """Follow the trainer `engine`: first average, early stop and log, then the checkpoint that holds their states.

        Attach it after validation and schedule. The three are attached here because MONAI takes a config's list of
        handlers for a list of definitions, without references.
        """
        if self.average:
            self.average.attach(engine)
        self.early_stop.attach(engine)
        self.training_log.attach(engine)
        engine.add_event_handler(Events.STARTED, self._continue)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _save(self, trainer: Any) -> None:
        if dist.is_initialized() and dist.get_rank() > 0:
            return
        weights = {"model": self.network.state_dict(), **self.settings}
        best = self.evaluator.state
        if best.best_metric_epoch == trainer.state.epoch:
            score = {"epoch": trainer.state.epoch, best.key_metric_name: float(best.best_metric)}
            provenance = {**self.settings["provenance"], "validation": score}
            kept = self.average.network if self.average else self.network
            save_checkpoint(self.folder / TRAINED, {**weights, "model": kept.state_dict(), "provenance": provenance})
        progress = {
            "epoch": trainer.state.epoch,
            "iteration": trainer.state.iteration,
            "best_metric": float(best.best_metric),
            "best_metric_epoch": best.best_metric_epoch,
            "scaler": trainer.scaler.state_dict() if trainer.scaler else {},
        }
        states = {name: item.state_dict() for name, item in self.stateful.items()}
        save_checkpoint(self.folder / TO_GO_ON, {**weights, **states, **progress})

    def _continue(self, trainer: Any) -> None:
        check_folder(self.folder)
        path = self.folder / TO_GO_ON
        if not self.resume or not path.is_file():
            return
        saved = read_checkpoint(path)
        self._check_same_run(saved, path)
        load_model(self.network, saved["model"], path=path)
        self._restore(saved, trainer, path)
        logger.info(f"Continuing after epoch {saved['epoch']} of {path}.")
        if trainer.state.epoch >= trainer.state.max_epochs or self.early_stop.exhausted:
            logger.info("The run is complete already; --resume false starts anew, a larger --max_epochs goes on.")
            trainer.terminate()

    def _restore(self, saved: dict[str, Any], trainer: Any, path: Path) -> None:
        try:
            self._check_forms(saved, trainer)
            for name, item in self.stateful.items():
                item.load_state_dict(saved[name])
            if trainer.scaler and saved["scaler"]:
                trainer.scaler.load_state_dict(saved["scaler"])
        except Exception as error:  # PyTorch and Ignite raise what they come upon
            raise WeightsError(
                f"{path} does not hold the state of such a run; name another --ckpt_dir, or start anew with "
                "--resume false."
            ) from error
        trainer.state.epoch, trainer.state.iteration = saved["epoch"], saved["iteration"]
        self.evaluator.state.best_metric = saved["best_metric"]
        self.evaluator.state.best_metric_epoch = saved["best_metric_epoch"]

    def _check_forms(self, saved: dict[str, Any], trainer: Any) -> None:
        log, stop, scaler = saved["training_log"], saved["early_stop"], saved["scaler"]
        fits = (
            is_state_of(saved["optimizer"], self.optimizer),
            has_same_form(saved["lr_scheduler"], self.stateful["lr_scheduler"].state_dict()),
            log.keys() == {"rows"} and are_rows(log["rows"]),
            not (stop and self.early_stop.stopping) or has_same_form(stop, self.early_stop.state_dict()),
            not (scaler and trainer.scaler) or has_same_form(scaler, trainer.scaler.state_dict()),
            all(type(saved[name]) is int for name in ("epoch", "iteration", "best_metric_epoch")),
            type(saved["best_metric"]) is float and saved["epoch"] >= 0 <= saved["iteration"],
        )
        if not all(fits):
            raise ValueError(fits)

    def _check_same_run(self, saved: dict[str, Any], path: Path) -> None:
        before, now = map(_collect_facts, (saved, self.settings))
        different = [
            say_difference(word, before[name], now.get(name))
            for name, word in MUST_AGREE.items()
            if name in before and before[name] != now.get(name)
        ]
        if different:
            raise WeightsError(
                f"{path} belongs to another run ({'; '.join(different)}); give the same, name another --ckpt_dir "
                "and --output_dir, or start anew with --resume false, which replaces its weights."
            )


def _collect_facts(parts: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its run by name; of the weights that it started from only their SHA-256."""
    facts = {**parts, **parts["provenance"]}
    if isinstance(facts.get("started_from"), dict):
        facts["started_from"] = facts["started_from"].get("sha256")
    return facts
