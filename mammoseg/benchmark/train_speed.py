"""Training by a bundle's config next to the bare loop on the same tensors, and to a loop as a user would write it."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from monai.engines import SupervisedTrainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammoseg.audit.named_folder import require_known_configs
from mammoseg.benchmark.nnunet_speed import prepare_nnunet
from mammoseg.bundles import locate_bundle
from mammoseg.compat import heal_torchvision
from mammoseg.cores import count_cores
from mammoseg.data.datalist import DATALIST, load_section
from mammoseg.errors import WrongCallError
from mammoseg.provenance import read_processor_name

heal_torchvision()
from torchvision import tv_tensors  # noqa: E402  # after the healing
from torchvision.transforms import v2  # noqa: E402

NEVER = 10**9
"""Epochs between two validations: only the training part of an epoch is timed."""

Taken = tuple[float, float]
"""Seconds by the clock, and seconds that this process computed."""


def benchmark_train(
    dataset_dir: Path | str,
    *,
    bundle: str = "unet_slim",
    side: int = 256,
    batch: int = 8,
    images: int = 32,
    rounds: int = 3,
    workers: int = 2,
    threads: int = count_cores(),
    nnunet: bool = False,
    **overrides: Any,
) -> dict[str, Any]:
    """Compare training by the common recipe with the bare loop on the same tensors, and with a plain PyTorch loop.

    After each epoch but the first the two loops do as many steps on the same network. The bare loop takes the batches
    of that very epoch out of memory and does what has to be done: augmentation, network, loss, backward, optimizer. The
    plain loop reads and resizes the files with OpenCV in `workers` processes and changes them by torchvision. The first
    epoch fills the cache and is not counted.

    Args:
        dataset_dir: folder of a ``datalist.json``.
        side: rows and columns of the network's grid.
        batch: images of a step.
        images: first images of the training section that are used; whole batches of them.
        rounds: number of epochs that count.
        workers: processes of the plain loop, and of nnU-Net's.
        threads: threads of the processor.
        nnunet: also train the same network by nnU-Net's 2D trainer (`mammoseg.benchmark.nnunet_speed`), which has to be
            installed. On a processor it computes in float32.
        overrides: values of the config, as for `mammoseg train`.
    Returns:
        JSON values: for each loop the median of images per second; ``stall_percent``, the median over the rounds of the
        share of an epoch that the bare loop does not need; ``extra_processor_time_percent``, the same of the time that
        this process computed, which other programs of a busy CPU lengthen less; the load of the machine before and
        after.
    Raises:
        WrongCallError: there is not one whole batch.
    """
    records = load_section(Path(dataset_dir) / DATALIST, "training")[:images]
    if len(records) < batch:
        raise WrongCallError(f"{len(records)} images do not fill a batch of {batch}; lower --batch or raise --images.")
    torch.set_num_threads(threads)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "dataset_dir": str(dataset_dir),
            "train::dataset::data": records,
            "cache_dir": f"{folder}/cache",
            "ckpt_dir": f"{folder}/models",
            "output_dir": f"{folder}/eval",
            "spatial_size": [side, side],
            "batch_size": batch,
            "max_epochs": rounds + 1,
            "val_interval": NEVER,
            **overrides,
        }
        seconds, precision = _measure_in_turns(
            bundle, options, records=records, side=side, workers=workers, nnunet_folder=Path(folder) if nnunet else None
        )
    done = len(records) // batch * batch
    wall = {name: [took[0] for took in rounds_of] for name, rounds_of in seconds.items()}
    stalls, extra = (
        [1 - bare[kind] / whole[kind] for bare, whole in zip(seconds["bare"], seconds["mammoseg"], strict=True)]
        for kind in (0, 1)
    )
    return {
        "bundle": bundle,
        "grid": [side, side],
        "batch": batch,
        "images": done,
        "precision": precision,
        "processor": read_processor_name(),
        "threads": torch.get_num_threads(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "images_per_second": {name: round(done / statistics.median(took), 2) for name, took in wall.items()},
        "stall_percent": round(100 * statistics.median(stalls), 1),
        "stall_percent_of_rounds": [round(100 * stall, 1) for stall in stalls],
        "extra_processor_time_percent": round(100 * statistics.median(extra), 1),
    }


def _measure_in_turns(
    bundle: str,
    options: Mapping[str, Any],
    *,
    records: Sequence[Mapping[str, Any]],
    side: int,
    workers: int,
    nnunet_folder: Path | None,
) -> tuple[dict[str, list[Taken]], str]:
    """What each loop took in each round, and the precision they had."""
    configs = Path(locate_bundle(bundle)) / "configs"
    require_known_configs(bundle)
    files = [str(configs / f"{name}.json") for name in ("train", "common_recipe")]
    flow = ConfigWorkflow(files, run_id="training", logging_file=False, **options)
    flow.initialize()
    trainer: SupervisedTrainer = flow.parser.get_parsed_content("train::trainer")
    batch: int = options["batch_size"]
    batches: list[Any] = []
    plain = DataLoader(
        PlainImages(records, side=side),
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    others: dict[str, Callable[[SupervisedTrainer], None]] = {
        "bare": lambda engine: _train(engine, (engine.prepare_batch(b, engine.state.device) for b in batches)),
        "plain": lambda engine: _train(engine, (_to(pair, engine.state.device) for pair in plain)),
    }
    seconds: dict[str, list[Taken]] = {"mammoseg": []}
    clock = {"begin": _read_clock(), "end": _read_clock()}

    def begin(engine: SupervisedTrainer) -> None:
        batches.clear()
        clock["begin"] = _read_clock()

    def end(engine: SupervisedTrainer) -> None:
        if len(batches) == engine.state.epoch_length:
            _wait(engine.state.device)
            clock["end"] = _read_clock()

    def run_others(engine: SupervisedTrainer) -> None:
        took = {"mammoseg": _measure_between(clock["begin"], clock["end"])}
        took |= {name: _measure_seconds(partial(loop, engine), engine) for name, loop in others.items()}
        if engine.state.epoch > 1:  # the first fills the cache and starts the processes
            for name, value in took.items():
                seconds.setdefault(name, []).append(value)

    trainer.add_event_handler(Events.EPOCH_STARTED, begin)
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda engine: batches.append(engine.state.batch))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, end)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, run_others)
    with ExitStack() as stack:
        if nnunet_folder is not None:
            step = stack.enter_context(
                prepare_nnunet(records, trainer.network, nnunet_folder, side=side, batch=batch, workers=workers)
            )
            others["nnunet"] = lambda engine: step(engine.state.epoch_length)
        flow.run()
    return seconds, flow.parser.get_parsed_content("chosen_precision")


def _train(trainer: SupervisedTrainer, pairs: Any) -> None:
    """Steps of a training on pairs of image ``(N, C, H, W)`` and label ``(N, 1, H, W)`` on the device."""
    trainer.network.train()
    for image, label in pairs:
        trainer.optimizer.zero_grad()
        with torch.autocast("cuda", enabled=trainer.amp):
            loss = trainer.loss_function(trainer.inferer(image, trainer.network), label)
        if trainer.amp and trainer.scaler is not None:
            trainer.scaler.scale(loss).backward()
            trainer.scaler.step(trainer.optimizer)
            trainer.scaler.update()
        else:
            loss.backward()
            trainer.optimizer.step()


def _to(pair: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    return [tensor.to(device, non_blocking=True) for tensor in pair]


def _measure_seconds(run: Callable[[], object], trainer: SupervisedTrainer) -> Taken:
    begin = _read_clock()
    run()
    _wait(trainer.state.device)
    return _measure_between(begin, _read_clock())


def _read_clock() -> Taken:
    return time.perf_counter(), time.process_time()


def _measure_between(begin: Taken, end: Taken) -> Taken:
    return end[0] - begin[0], end[1] - begin[1]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


class PlainImages(Dataset):
    """The same images as a user would read and change them: OpenCV, then torchvision's transforms of one image.

    Args:
        records: records with absolute paths at ``image`` and ``label``.
        side: rows and columns of the grid.
    Shape:
        items: image ``(3, side, side)`` in 0..1, label ``(1, side, side)``.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]], *, side: int) -> None:
        self.records = records
        self.side = side
        self.move = v2.Compose(
            [v2.RandomVerticalFlip(0.5), v2.RandomAffine(15, translate=(0.05, 0.05), scale=(0.86, 1.16))]
        )

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        pixels, mask = (self._read(self.records[index][key]) for key in ("image", "label"))
        image, label = self.move(tv_tensors.Image(pixels / pixels.max()), tv_tensors.Mask((mask > 0).float()))
        image = v2.functional.adjust_gamma(image, torch.empty(()).uniform_(-0.5, 0.5).exp().item())
        return image.as_subclass(Tensor).repeat(3, 1, 1), label.as_subclass(Tensor)

    def _read(self, path: str) -> Tensor:
        pixels = cv2.imread(path, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
        return torch.from_numpy(cv2.resize(pixels.astype(np.float32), (self.side, self.side)))[None]
