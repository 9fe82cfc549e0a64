"""What an engine is, and which one computes a call; needs none of them to be there."""

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.quick_import import import_quickly

PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}
"""Engines by the word of ``--runtime``, and the package of each; on a CPU the first that is there is taken."""

AUTO = "auto"

PRECISIONS = ("f32", "bf16", "f16", "int8")
"""What an engine can compute with; not every one has all of them."""

MOST_LOST = 0.002
"""Mean Dice on images held out that bf16 must lose less of, to be computed with where nobody names a precision."""

MODULES = {runtime: f"mammoseg.inference.engines.{runtime}_engine" for runtime in PACKAGES}
"""Where each engine is; none is imported before it is chosen."""

GPUS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))
"""One of them is there where torch's ``cuda`` can be on Linux: of NVIDIA, of Windows below it, of AMD. Without
one, nobody has to import torch to know that there is no CUDA.
"""

DEVICE = re.compile(r"(cpu|cuda|mps|xpu|hpu|npu)(:\d{1,3})?")


class EngineError(MammosegError):
    """An engine that cannot compute a network, or computes something else than PyTorch does."""


class Engine(Protocol):
    """A network with its weights, ready for images of one size.

    Attributes:
        name: name and version of what computes, such as ``openvino 2026.4.1``.
        precision: one of `PRECISIONS`; of INT8 with the first letters of the hash of the quantised network, such as
            ``int8 0a1b2c3d``, for other calibrating images make another one.
    """

    name: str
    precision: str

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits ``(N, out_channels, H, W)`` of images ``(N, in_channels, H, W)``, both float32."""

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""

    def prepare(self) -> None:
        """Do now, in another thread perhaps, what the first image would wait for."""


class FileEngine(Engine, Protocol):
    """An engine that reads a converted network, see `mammoseg.inference.engines.converted`."""

    def __init__(self, path: Path, *, shape: tuple[int, int, int], precision: str | None = None) -> None: ...

    @staticmethod
    def list_precisions() -> list[str]:
        """What it computes with on this processor, f32 first."""


def choose_runtime(runtime: str, device: str | None) -> str:
    """The engine that computes where a call names `runtime`.

    Args:
        runtime: ``auto`` or a key of `PACKAGES`. ``auto`` is torch on a GPU, else the first engine that is there.
        device: torch device of the call; None for a GPU where there is one.

    Raises:
        WrongCallError: there is no such engine, its package is not installed, or it does not compute on the device.

    Examples:
        >>> from mammoseg.inference.engines.engine import choose_runtime
        >>> choose_runtime("auto", "cuda:0"), choose_runtime("torch", None)
        ('torch', 'torch')
    """
    if runtime == AUTO:
        on_gpu = has_gpu() if device is None else device != "cpu"
        return "torch" if on_gpu else next(name for name in PACKAGES if is_installed(name))
    if runtime not in PACKAGES:
        raise WrongCallError(f"runtime is '{runtime}'; give one of {AUTO}, {', '.join(PACKAGES)}.")
    if not is_installed(runtime):
        has_engine = find_spec(MODULES[runtime]) is not None
        way_out = f"run: pip install {PACKAGES[runtime]}" if has_engine else "mammoseg-runtime has none, mammoseg does"
        raise WrongCallError(f"runtime {runtime} is not installed; {way_out}.")
    if runtime != "torch" and device not in (None, "cpu"):
        raise WrongCallError(f"runtime {runtime} computes on a CPU, not on '{device}'; name --runtime torch.")
    return runtime


def choose_precision(precision: str | None, known: Sequence[str], *, name: str) -> str:
    """The precision that an engine computes with: the first it knows where none is named.

    Raises:
        WrongCallError: it does not compute with the one that is named.
    """
    if precision is not None and precision not in known:
        raise WrongCallError(f"precision is '{precision}'; {name} computes here with {' or '.join(known)}.")
    return precision or known[0]


def choose_default_precision(known: Sequence[str], bf16: Mapping[str, Any] | None) -> str:
    """What an engine of converted weights computes with where no precision is named.

    Args:
        known: what it can compute with on this processor, f32 first.
        bf16: what weights record of bf16, see `mammoseg.checkpoints.recorded_values.read_recorded_bf16`.

    Returns:
        bf16 where the processor has it and these weights were measured to lose less than `MOST_LOST`, else f32.

    Examples:
        >>> from mammoseg.inference.engines.engine import choose_default_precision
        >>> choose_default_precision(["f32", "bf16"], {"dice_change": 0.0021, "measured_on": "205 films"})
        'bf16'
    """
    return "bf16" if "bf16" in known and bf16 is not None and bf16["dice_change"] > -MOST_LOST else known[0]


def is_installed(runtime: str) -> bool:
    """Whether an engine and its package are there; neither is imported. mammoseg-runtime has no torch engine."""
    return find_spec(PACKAGES[runtime]) is not None and find_spec(MODULES[runtime]) is not None


def check_engine(runtime: str, *, device: str | None, precision: str | None) -> None:
    """Refuse an engine, a device or a precision that no computer has, or not this one, before anything is loaded.

    Args:
        runtime: what was asked for, see `choose_runtime`.
        device: torch device; None for a GPU where there is one.
        precision: one of `PRECISIONS`; None for that of engine and weights.

    Raises:
        WrongCallError: there is none of this name.
    """
    if precision not in (None, *PRECISIONS):
        raise WrongCallError(f"precision is '{precision}'; give one of {', '.join(PRECISIONS)}.")
    if device is not None:
        check_device(device)
    if runtime != AUTO:
        choose_runtime(runtime, device)


def check_device(name: str) -> None:
    """Refuse a device that cannot be on this machine, without importing torch, which alone knows whether it computes.

    Raises:
        WrongCallError: there is none of this name.
    """
    if (name.startswith("cuda") and not _may_have_cuda()) or not DEVICE.fullmatch(name):
        raise make_no_device_error(name)


def make_no_device_error(name: str) -> WrongCallError:
    """The error of a device that does not compute."""
    return WrongCallError(f"device '{name}' cannot be used on this machine; leave it out, or name cpu.")


def has_gpu() -> bool:
    """Whether torch can compute on a GPU here."""
    return _may_have_cuda() and is_installed("torch") and import_quickly("torch").cuda.is_available()


def _may_have_cuda() -> bool:
    return any(path.exists() for path in GPUS)
