"""Time and memory of a bundle's network as it is and as it is made fast, in one process that does nothing else.

Usage: `python -m mammoseg.benchmark.measure BUNDLE [--batch 1] [--threads 2] [--seconds 8] [--rounds 3] [--quick]`
"""

import copy
import ctypes
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fire
import numpy as np
import torch
from torch import Tensor, nn

from mammoseg.benchmark.memory import forget_peak, read_status_bytes
from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.bundles import render
from mammoseg.cards.facts import build_bundle_network, measure_facts
from mammoseg.cores import count_cores
from mammoseg.deploy.formats import write_onnx
from mammoseg.inference.acceleration import HALF, Accelerated, accelerate
from mammoseg.inference.engines.engine import Engine
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from mammoseg.inference.folding import fold_normalisations
from mammoseg.networks import build_network

MOST_ROUNDS = 50
"""Most timed runs of each variant, however much time is given."""

QUICK_SIDE = 64
"""Least side of the image of a quick run, which only shows that everything works."""

TOLERANCE = {"cpu": 1e-4, "cuda": 1e-2}
"""Largest difference to plain eager: on a CPU of logits, relative to the largest above 1; on a GPU of probability."""


def measure_bundle(
    name: str,
    *,
    batch: int = 1,
    threads: int = count_cores(),
    seconds: float = 8,
    rounds: int = 3,
    quick: bool = False,
    compiled: bool = False,
    engines: bool = False,
) -> dict[str, Any]:
    """Measure inference and training step of a bundle at its recipe's size on the device present.

    Args:
        threads: number of threads of the CPU.
        seconds: time in seconds to spend on each of the two.
        rounds: fewest of each, whatever the time.
        quick: one round on a small image.
        compiled: whether to measure inference through `torch.compile` too; compiling takes up to minutes.
        engines: whether to measure inference by OpenVINO too, in f32 and where the processor has it in bf16.
    Returns:
        JSON values: facts of the network; for each variant median seconds, images per second, peak memory in MiB
        beyond what was in use before the run, and the difference to plain eager.
    Raises:
        ArithmeticError: a variant computes something else than plain eager does.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = render(name)["train"]
    on_meta, image = build_bundle_network(config)
    if quick:
        side = max(QUICK_SIDE, 2 * on_meta.size_divisor)
        image = image[..., :side, :side]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_network(on_meta.config).to(device)
    images = torch.rand(batch, *image.shape[1:], device=device)
    make_trained_like(network, images[:1])
    limits = (1, 1) if quick else (rounds, MOST_ROUNDS)
    return {
        "bundle": name,
        "batch": batch,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {threads} threads",
        "quick": quick,
        "image": list(image.shape[1:]),
        **asdict(measure_facts(on_meta, image)),
        "inference": _measure_inference(
            network, images, seconds=seconds, rounds=limits, compiled=compiled, engine_threads=threads * engines
        ),
        "training": _measure_training(network, images, seconds=seconds, rounds=limits),
    }


def _measure_inference(
    network: nn.Module,
    images: Tensor,
    *,
    seconds: float,
    rounds: tuple[int, int],
    compiled: bool,
    engine_threads: int,
) -> dict[str, Any]:
    network.eval()
    half = HALF if images.is_cuda else None
    variants: dict[str, Callable[[Tensor], Tensor]] = {
        "eager": network,
        "accelerated": accelerate(network, images, dtype=half),
    }
    if compiled:
        folded = fold_normalisations(network, images).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        folded.compile()
        variants["compiled"] = Accelerated(folded, half)
    if engine_threads and not images.is_cuda:
        variants |= _build_engines(network, images, threads=engine_threads)
    with torch.inference_mode():
        logits = {name: variant(images) for name, variant in variants.items()}
        differences = {name: _measure_difference(logits["eager"], value, name=name) for name, value in logits.items()}
        runs: dict[str, Callable[[], object]] = {name: partial(variant, images) for name, variant in variants.items()}
        return _measure(runs, differences, images, seconds=seconds, rounds=rounds)


def _build_engines(network: nn.Module, images: Tensor, *, threads: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """OpenVINO with the network, by engine and precision; the file is read before it is gone."""
    channels, rows, columns = images.shape[1:]
    example = torch.rand(2, channels, rows, columns)
    found: dict[str, Callable[[Tensor], Tensor]] = {}
    with TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "network.onnx"
        write_onnx(network, example, path, output="logits")
        for precision in OpenVinoEngine.list_precisions():
            engine = OpenVinoEngine(path, shape=(channels, rows, columns), precision=precision)
            engine.limit_threads(threads)
            engine(images[:1].numpy())  # compiled now
            found[f"openvino {precision}"] = partial(_run_through_arrays, engine)
    return found


def _run_through_arrays(engine: Engine, images: Tensor) -> Tensor:
    return torch.from_numpy(engine(images.numpy()))


def _measure_training(network: nn.Module, images: Tensor, *, seconds: float, rounds: tuple[int, int]) -> dict[str, Any]:
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0  # what is dropped depends on the layout
    network.train()
    channels_last = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = {
        "eager": TrainingStep(network, images, half=False),
        "channels_last": TrainingStep(
            channels_last, images.contiguous(memory_format=torch.channels_last), half=images.is_cuda
        ),
    }
    losses = {name: step() for name, step in steps.items()}
    differences = {name: _measure_difference(losses["eager"], loss, name=name) for name, loss in losses.items()}
    return _measure(steps, differences, images, seconds=seconds, rounds=rounds)  # type: ignore[arg-type]


class TrainingStep:
    """Forward, cross-entropy with one class for all pixels, backward, Adam; on a GPU in half precision if asked for."""

    def __init__(self, network: nn.Module, images: Tensor, *, half: bool) -> None:
        self.network, self.images, self.half = network, images, half
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-6)
        self.scaler = torch.amp.GradScaler(images.device.type, enabled=half)

    def __call__(self) -> Tensor:
        """Do one step; returns the loss before it, one number."""
        self.optimizer.zero_grad()
        with torch.autocast(self.images.device.type, dtype=HALF, enabled=self.half):
            loss = -nn.functional.logsigmoid(self.network(self.images).float()).mean()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


def _measure_difference(expected: Tensor, found: Tensor, *, name: str) -> float:
    if expected.is_cuda and expected.ndim:
        expected, found = compute_probability(expected), compute_probability(found)
    difference = (expected - found).abs().max().item() / max(1.0, expected.abs().max().item())
    if not difference <= (TOLERANCE[expected.device.type] if "bf16" not in name else np.inf):  # that is only told
        raise ArithmeticError(
            f"variant '{name}' differs by {difference:.2g} from plain eager, more than the allowed "
            f"{TOLERANCE[expected.device.type]:.0e}; do not use it here."
        )
    return difference


def compute_probability(logits: Tensor) -> Tensor:
    """Of every class, or of the one there is: ``(N, classes, H, W)`` to the same shape."""
    return logits.float().softmax(dim=1) if logits.shape[1] > 1 else logits.float().sigmoid()


def _measure(
    variants: dict[str, Callable[[], object]],
    differences: dict[str, float],
    images: Tensor,
    *,
    seconds: float,
    rounds: tuple[int, int],
) -> dict[str, Any]:
    memory = {name: _measure_peak_mib(run, images.device) for name, run in variants.items()}
    medians = measure_median_seconds(variants, seconds=seconds, rounds=rounds, wait=_choose_waiter(images.device))
    return {
        name: {
            "seconds": round(medians[name], 5),
            "images_per_second": round(len(images) / medians[name], 3),
            "times_as_fast": round(medians["eager"] / medians[name], 3),
            "peak_memory_mib": round(memory[name]),
            "difference": float(f"{differences[name]:.2g}"),
        }
        for name in variants
    }


def measure_median_seconds(
    runs: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    rounds: tuple[int, int],
    wait: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Median time of each run; the rounds alternate, so that a busy machine slows all alike.

    Args:
        seconds: time in seconds after which no further round begins.
        rounds: fewest and most, whatever the time.
        wait: returns when the device has done what a run asked for.
    """
    fewest, most = rounds
    taken: dict[str, list[float]] = {name: [] for name in runs}
    begin = time.perf_counter()
    for done in range(most):
        if done >= fewest and time.perf_counter() - begin > seconds:
            break
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            wait()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def _choose_waiter(device: torch.device) -> Callable[[], object]:
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


def _measure_peak_mib(run: Callable[[], object], device: torch.device) -> float:
    """Rise of the memory in use over that before, in one run; on Linux."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    ctypes.CDLL(None).malloc_trim(0)  # give back what earlier runs left in the heap
    forget_peak()
    before = read_status_bytes("VmRSS")
    run()
    return (read_status_bytes("VmHWM") - before) / 2**20


def main(bundle: str, **options: Any) -> None:
    """Print the measurement as one line of JSON.

    Args:
        options: arguments of `measure_bundle`.
    """
    print(json.dumps(measure_bundle(bundle, **options)))


if __name__ == "__main__":
    fire.Fire(main)
