"""PyTorch, on any device."""

from pathlib import Path

import numpy as np
import torch

from mammoseg.checkpoints.checkpoint import Weights, build_trained_network, read_record, read_weights
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.inference.acceleration import accelerate
from mammoseg.inference.bfloat16 import computes_bfloat16
from mammoseg.inference.engines.engine import choose_precision, make_no_device_error

AUTOCAST = {"f32": None, "bf16": torch.bfloat16, "f16": torch.float16}
"""What `torch.autocast` computes with for each precision."""


class TorchEngine:
    """The network of a checkpoint, made fast for one device, see `mammoseg.inference.acceleration`.

    Args:
        weights: a checkpoint, read.
        device: torch device; None takes a GPU where there is one.
        precision: one of `PRECISIONS`; when None, f16 on a GPU and f32 on a CPU.

    Attributes:
        device: where it computes.
        network: module that gives logits ``(N, out_channels, H, W)``.

    Raises:
        WrongCallError: the device is not there, or does not compute with this precision.
        WeightsError: record and weights do not go together.
    """

    name = f"torch {torch.__version__}"

    def __init__(self, weights: Weights, *, device: str | None = None, precision: str | None = None) -> None:
        self.device = try_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        known = ["f16", "f32"] if self.device.type == "cuda" else ["f32"]
        if computes_bfloat16(self.device.type):
            known.append("bf16")
        self.precision = choose_precision(precision, known, name=f"{self.name} on {self.device.type}")
        network = build_trained_network(weights).to(self.device)
        rows, columns = weights.preprocessing["spatial_size"]
        example = torch.empty(1, network.config["in_channels"], rows, columns, device=self.device)
        self.network = accelerate(network, example, dtype=AUTOCAST[self.precision])

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits ``(N, out_channels, H, W)`` of images ``(N, in_channels, H, W)``."""
        return self.network(torch.from_numpy(images).to(self.device)).float().cpu().numpy()

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on, in the whole process."""
        torch.set_num_threads(count)

    def prepare(self) -> None:
        """A network that was loaded has nothing left to do."""


def start_torch(weights: Path, *, device: str | None, precision: str | None) -> tuple[WeightsRecord, TorchEngine]:
    """What weights record beside their tensors, and an engine that has them; see `TorchEngine`.

    Raises:
        WeightsError: the weights cannot be used.
    """
    checkpoint = read_weights(weights)
    return read_record(checkpoint), TorchEngine(checkpoint, device=device, precision=precision)


def try_device(name: str) -> torch.device:
    """The device of this name, after a first tensor on it.

    Raises:
        WrongCallError: there is none that computes.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except Exception as error:  # torch raises what the driver or the name leads it to
        raise make_no_device_error(name) from error
    return device
