"""An engine with the weights of a file, and what the file records beside them."""

import sys
from pathlib import Path

import numpy as np

from mammoseg.checkpoints.converted_file import ENDING, F32, INT8, PROBABILITY
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.errors import OutputError, WrongCallError
from mammoseg.inference.engines.converted import prepare_converted
from mammoseg.inference.engines.engine import (
    AUTO,
    MODULES,
    Engine,
    EngineError,
    choose_default_precision,
    choose_runtime,
    is_installed,
)
from mammoseg.inference.engines.int8 import find_int8
from mammoseg.odds import logit
from mammoseg.quick_import import import_quickly

CONVERTED = {"openvino": "OpenVinoEngine", "onnx": "OnnxEngine"}
"""Engines that read converted weights."""


def start_engine(
    weights: Path, *, device: str | None, runtime: str, precision: str | None
) -> tuple[WeightsRecord, Engine]:
    """Start the engine that `choose_runtime` names; where none was named and it cannot take the network, torch.

    Raises:
        WeightsError: the weights cannot be used.
        WrongCallError: no such engine, device or precision, or the engine does not read this kind of file.
        EngineError: the engine that was named cannot compute the network.
        OutputError: converted weights cannot be kept.
    """
    chosen = choose_runtime(runtime, device)
    if weights.suffix == ENDING and chosen not in CONVERTED:
        raise WrongCallError(
            f"runtime {chosen} does not compute {weights.name}, a converted network; name --runtime openvino, or the "
            "checkpoint that it was made from."
        )
    if chosen in CONVERTED:
        try:
            return _start_converted(weights, chosen, precision)
        except (EngineError, OutputError) as error:
            if runtime != AUTO or not is_installed("torch"):
                raise
            print(f"{error} torch is used.", file=sys.stderr)
    return import_quickly(MODULES["torch"]).start_torch(weights, device=device, precision=precision)


def _start_converted(weights: Path, runtime: str, precision: str | None) -> tuple[WeightsRecord, Engine]:
    engine = getattr(import_quickly(MODULES[runtime]), CONVERTED[runtime])
    found = find_int8(weights) if precision == INT8 else prepare_converted(weights, engine)
    rows, columns = found.record.preprocessing["spatial_size"]
    shape = (found.record.network["in_channels"], rows, columns)
    if found.precision == INT8:
        if precision not in (None, INT8):
            raise WrongCallError(f"precision is '{precision}'; {weights.name} is an INT8 network, leave it out.")
        started = engine(found.model, shape=shape, precision=F32)  # what was not quantised
        started.precision = f"{INT8} {found.sha256[:8]}"
    else:
        precision = precision or choose_default_precision(engine.list_precisions(), found.record.bf16)
        started = engine(found.model, shape=shape, precision=precision)
    return found.record, LogitsOf(started) if found.output == PROBABILITY else started


class LogitsOf:
    """An engine whose network gives probabilities, as one that gives logits of the same probabilities.

    Args:
        engine: gives ``(N, out_channels, H, W)``: of one channel after a sigmoid, of two after a softmax.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self.name, self.precision = engine, engine.name, engine.precision

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits ``(N, out_channels, H, W)`` of images ``(N, in_channels, H, W)``."""
        probability = self._engine(images)
        # Of two channels one logit each, of which half the difference of the two is what the sigmoid needs.
        return logit(probability) / probability.shape[1]

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self._engine.limit_threads(count)

    def prepare(self) -> None:
        """Do now what the first image would wait for."""
        self._engine.prepare()
