"""A training of few steps, as a replay of annotation does many of."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mammoseg.losses.focal_tversky import FocalTverskyLoss


def train_briefly(network: nn.Module, batch: Callable[[int], tuple[Tensor, Tensor]], *, steps: int, lr: float) -> None:
    """Train a network, which is changed, by AdamW with one cycle of the learning rate.

    Args:
        batch: images ``(N, C, H, W)`` and labels ``(N, 1, H, W)`` of a step, from 0.
        lr: highest learning rate.
    """
    loss = FocalTverskyLoss()  # a few steps are enough; with cross entropy they end with nothing predicted
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.0001)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    network.train()
    for step in range(steps):
        image, label = batch(step)
        optimizer.zero_grad()
        loss(network(image), label).backward()
        optimizer.step()
        schedule.step()
    network.eval()
