"""The annotator's tool in a replay: a small network that takes prompts and learns from the outlines he took."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from mammoseg.active_learning.short_training import train_briefly
from mammoseg.interactive.click_model import ClickModel
from mammoseg.interactive.guidance import CHANNELS
from mammoseg.interactive.prompted_crops import PromptedCrops
from mammoseg.networks import UNet
from mammoseg.transforms.prompted import build_prompted_preprocessing

GRID = 64
"""Pixels of a side of what the network sees around the prompts."""

BATCH_SIZE = 8


def build_tool(channels: Sequence[int]) -> UNet:
    """A U-Net of these widths that has learned nothing."""
    return UNet(len(CHANNELS), 1, channels=tuple(channels))


def as_model(network: nn.Module) -> ClickModel:
    """What the annotator clicks with: the network finds a mass, further clicks correct it as in the label server."""

    @torch.no_grad()
    def compute_logits(inputs: np.ndarray) -> np.ndarray:
        found: np.ndarray = network.eval()(torch.from_numpy(inputs)).numpy()
        return found

    return ClickModel(compute_logits, grid=GRID)


def train_tool(
    network: nn.Module,
    records: Sequence[Mapping[str, Any]],
    frame: tuple[int, int],
    *,
    steps: int,
    lr: float,
    seed: int,
) -> None:
    """Go on training on outlined films with the prompts and crops of the recipe of `click_unet`; changes `network`.

    Args:
        records: records of a datalist whose ``label`` is the outline that was taken; without a mass nothing is learned.
        frame: rows and columns that the films are padded to.
        seed: seed of the order of films, the prompts and the crops.
    """
    preprocessing = build_prompted_preprocessing(spatial_size=(GRID, GRID), channels=len(CHANNELS), frame=frame)
    crops = PromptedCrops([dict(record) for record in records], preprocessing, cache_dir=None, seed=seed)
    if not len(crops):
        return
    random = np.random.default_rng(seed)

    def draw_batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        crops.set_epoch(step)
        items = [crops[int(index)] for index in random.integers(len(crops), size=BATCH_SIZE)]
        return torch.stack([item["image"] for item in items]), torch.stack([item["label"] for item in items])

    train_briefly(network, draw_batch, steps=steps, lr=lr)
