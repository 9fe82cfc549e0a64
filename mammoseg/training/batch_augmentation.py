"""Random changes of a whole batch on the device that trains, so that no worker draws and no image is warped alone."""

import math
from typing import Any

import numpy as np
import torch
from monai.engines import PrepareBatch, default_prepare_batch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


class BatchAugmentation(PrepareBatch):
    """Moves a batch to the device, warps image and label by the same draw, then changes the image's grey values.

    Each image is changed by draws from its own ``draw`` (`CachedDataset` takes it from seed, epoch and index) alone,
    so neither the batch it stands in nor a resumed run alters it. As in `AugmentGreyd`, the lowest value of an image
    is its background: it fills what comes from outside, and grey values are changed on a scale of 0 (lowest) to 1
    (highest) and cut there. Labels keep their values: nearest neighbour, 0 outside. All amounts are 0 unless given: no
    change.

    Args:
        rotation: greatest angle to either side, degrees, uniform.
        log_scale: both axes are enlarged by ``exp(u)``, u uniform in ``[-log_scale, log_scale]``.
        log_aspect: width over height is enlarged by ``exp(u)``, u uniform in ``[-log_aspect, log_aspect]``.
        flip_up_down: probability of a flip of the rows.
        flip_left_right: probability of a flip of the columns; leave it 0 where preprocessing orients images left.
        log_gamma: grey values are raised to the power ``exp(u)``, u uniform in ``[-log_gamma, log_gamma]``.
        brightness: grey values are multiplied by a factor uniform in ``1 - brightness`` to ``1 + brightness``.
        noise: greatest standard deviation of Gaussian noise, on the scale of 0 to 1; an image's is uniform up to it.
        translation: greatest shift to either side, as a share of rows and of columns, uniform.

    Shape:
        batch: dictionary of image ``(N, C, H, W)``, whose channels are all the same, label ``(N, classes, H, W)``, draw
        ``(N,)``; returns image and label of these shapes, on the device.

    Examples:
        >>> import torch
        >>> from mammoseg.training.batch_augmentation import BatchAugmentation
        >>> image = torch.tensor([[0.0, 1.0], [0.0, 0.0]])[None, None]
        >>> batch = {"image": image, "label": image, "draw": torch.tensor([7])}
        >>> flipped, _ = BatchAugmentation(flip_up_down=1.0)(batch)
        >>> flipped[0, 0].tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        *,
        rotation: float = 0.0,
        log_scale: float = 0.0,
        log_aspect: float = 0.0,
        flip_up_down: float = 0.0,
        flip_left_right: float = 0.0,
        log_gamma: float = 0.0,
        brightness: float = 0.0,
        noise: float = 0.0,
        translation: float = 0.0,
    ) -> None:
        self.most = np.array([math.radians(rotation), log_scale, log_aspect, log_gamma, brightness])
        self.flips = np.array([flip_left_right, flip_up_down])
        self.noise = noise
        self.translation = translation

    def __call__(
        self, batchdata: Any, device: str | torch.device | None = None, non_blocking: bool = False, **options: Any
    ) -> tuple[Tensor, Tensor]:
        """Image and label of the batch `batchdata`, on `device`, changed."""
        pair: Any = default_prepare_batch(batchdata, device, non_blocking, **options)
        image, label = (tensor.as_subclass(Tensor) for tensor in pair)
        draws = batchdata["draw"].tolist()
        thetas, grey = zip(*(self._sample_change(draw, *image.shape[2:]) for draw in draws), strict=True)
        theta, (power, factor, deviation) = image.new_tensor(np.array(thetas)), image.new_tensor(np.array(grey).T)

        channels, low, high = image.shape[1], image.amin((1, 2, 3), True), image.amax((1, 2, 3), True)
        unit = (image[:, :1] - low) / (high - low).clamp_min(1e-6)
        grid = affine_grid(theta, list(unit.shape), align_corners=False)
        unit = grid_sample(unit, grid, align_corners=False).clamp(0, 1)
        unit = unit ** power.view(-1, 1, 1, 1) * factor.view(-1, 1, 1, 1)
        if self.noise:
            unit = unit + deviation.view(-1, 1, 1, 1) * _sample_noise(unit, draws)
        warped = grid_sample(label.to(grid.dtype), grid, mode="nearest", align_corners=False).to(label.dtype)
        return (unit.clamp(0, 1) * (high - low) + low).repeat(1, channels, 1, 1), warped

    def _sample_change(self, draw: int, rows: int, columns: int) -> tuple[np.ndarray, tuple[float, float, float]]:
        """Where each output pixel comes from, ``(2, 3)`` in `affine_grid`'s units; power, factor, noise."""
        random = np.random.default_rng(draw)
        angle, scale, aspect, gamma, brightness = random.uniform(-1, 1, len(self.most)) * self.most
        mirror = np.where(random.random(2) < self.flips, -1.0, 1.0)
        deviation = random.random() * self.noise
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        shift = 2 * self.translation * random.uniform(-1, 1, 2)  # the grid is 2 wide
        sizes = np.exp([-scale - aspect / 2, -scale + aspect / 2]) * mirror
        half = np.array([columns, rows]) / 2
        pixels = sizes[:, None] * turn  # of x and y: from an output pixel, seen from the middle, to its source
        theta = np.column_stack([pixels * half[None, :] / half[:, None], shift])
        return theta, (math.exp(gamma), 1 + brightness, deviation)


def _sample_noise(like: Tensor, draws: list[int]) -> Tensor:
    """Standard normal values in the shape of `like`, those of an image from its own draw."""
    generator = torch.Generator(like.device)
    return torch.stack(
        [
            torch.randn(like.shape[1:], generator=generator.manual_seed(draw), device=like.device, dtype=like.dtype)
            for draw in draws
        ]
    )
