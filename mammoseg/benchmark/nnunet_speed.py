"""nnU-Net's own 2D trainer with another network in it: its preprocessing, its data loader and changes, its step."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from json import dumps, loads
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from mammoseg.errors import WrongCallError

NAME = "Dataset001_benchmark"


class TwoLogits(nn.Module):
    """A network with one logit as nnU-Net calls it: one channel in, background and mass out.

    Args:
        network: takes the grey channel three times, ``(N, 3, H, W)``, gives the logit of mass.
    Shape:
        ``(N, 1, H, W)`` to ``(N, 2, H, W)``, whose softmax is the sigmoid of the one logit.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Logits of background, which are 0, and of mass."""
        mass = self.network(image.expand(-1, 3, -1, -1))
        return torch.cat([torch.zeros_like(mass), mass], dim=1)


@contextmanager
def prepare_nnunet(
    records: Sequence[Mapping[str, Any]], network: nn.Module, folder: Path, *, side: int, batch: int, workers: int
) -> Iterator[Callable[[int], None]]:
    """A function that does a number of steps of nnU-Net's trainer on these images, inside the context.

    The images are resized to the grid, which is the patch: nnU-Net's changes then cost what they cost it on patches of
    this size. Deep supervision is off, as the network has one output.

    Args:
        records: records with absolute paths at ``image`` and ``label``.
        network: takes and gives what `TwoLogits` does; trained where its weights lie.
        folder: gets nnU-Net's three folders.
        side: rows and columns of the grid.
        batch: images of a step.
        workers: processes of its data loader.
    Raises:
        WrongCallError: nnU-Net is not installed.
    """
    try:
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    except ImportError as error:
        raise WrongCallError(
            f"nnU-Net cannot be imported ({error}); install nnunetv2, or leave --nnunet out."
        ) from error
    os.environ |= {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}
    os.environ |= {"nnUNet_n_proc_DA": str(workers), "nnUNet_def_n_proc": "1", "nnUNet_compile": "false"}
    with redirect_stdout(sys.stderr):
        description = _write_images(records, folder / "raw" / NAME, side=side)
        plans = _prepare_plans(folder / "preprocessed" / NAME, side=side, batch=batch)
        trainer = nnUNetTrainer(plans, "2d", "all", description, next(network.parameters()).device)
        trainer.enable_deep_supervision = False
        trainer.build_network_architecture = lambda plans_manager, *_: TwoLogits(network)
        trainer.initialize()
        trainer.dataloader_train, trainer.dataloader_val = trainer.get_dataloaders()

    def step(steps: int) -> None:
        network.train()
        for _ in range(steps):
            trainer.train_step(next(trainer.dataloader_train))

    try:
        yield step
    finally:
        for loader in (trainer.dataloader_train, trainer.dataloader_val):
            loader._finish()


def _write_images(records: Sequence[Mapping[str, Any]], folder: Path, *, side: int) -> dict[str, Any]:
    """Write images and masks as PNG files of the grid, and the description that nnU-Net asks for, which is returned."""
    for kind in ("imagesTr", "labelsTr"):
        (folder / kind).mkdir(parents=True)
    for number, record in enumerate(records):
        image, label = (cv2.imread(record[key], cv2.IMREAD_GRAYSCALE) for key in ("image", "label"))
        cv2.imwrite(str(folder / "imagesTr" / f"{number:04}_0000.png"), cv2.resize(image, (side, side)))
        mask = cv2.resize((label > 0).astype("uint8"), (side, side), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / "labelsTr" / f"{number:04}.png"), mask)
    description = {
        "channel_names": {"0": "grey"},
        "labels": {"background": 0, "mass": 1},
        "numTraining": len(records),
        "file_ending": ".png",
    }
    (folder / "dataset.json").write_text(dumps(description))
    return description


def _prepare_plans(folder: Path, *, side: int, batch: int) -> dict[str, Any]:
    """Fingerprint, plans and preprocessed images of nnU-Net; the plans with this patch and batch."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as nnunet

    nnunet.extract_fingerprints([1], num_processes=1, show_progress_bar=False, verbose=False)
    nnunet.plan_experiments([1])
    file = folder / "nnUNetPlans.json"
    plans = loads(file.read_text())
    plans["configurations"]["2d"] |= {"patch_size": [side, side], "batch_size": batch}
    file.write_text(dumps(plans))
    nnunet.preprocess([1], configurations=["2d"], num_processes=[1], show_progress_bar=False)
    return plans | {"continue_training": False}
