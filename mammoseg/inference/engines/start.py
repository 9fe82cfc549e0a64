"""An engine with the weights of a file, and what the file records beside them."""

import sys
from pathlib import Path

from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.errors import OutputError
from mammoseg.inference.engines.converted import converted
from mammoseg.inference.engines.engine import AUTO, Engine, EngineError, choose_runtime
from mammoseg.quick_import import quick_import

MODULES = {
    "openvino": "mammoseg.inference.engines.openvino_engine",
    "onnx": "mammoseg.inference.engines.onnx_engine",
    "torch": "mammoseg.inference.engines.torch_engine",
}
"""Where each engine is; none is imported before it is chosen."""

CONVERTED = {"openvino": "OpenVinoEngine", "onnx": "OnnxEngine"}
"""Engines that read converted weights."""


def start_engine(
    weights: Path, *, device: str | None, runtime: str, precision: str | None
) -> tuple[WeightsRecord, Engine]:
    """Start the engine that `choose_runtime` names; where none was named and it cannot take the network, torch.

    Raises:
        WeightsError: the weights cannot be used.
        WrongCallError: no such engine, device or precision.
        EngineError: the engine that was named cannot compute the network.
        OutputError: converted weights cannot be kept.
    """
    chosen = choose_runtime(runtime, device)
    if chosen in CONVERTED:
        try:
            return _start_converted(weights, chosen, precision)
        except (EngineError, OutputError) as error:
            if runtime != AUTO:
                raise
            print(f"{error} torch is used.", file=sys.stderr)
    return quick_import(MODULES["torch"]).start_torch(weights, device=device, precision=precision)


def _start_converted(weights: Path, runtime: str, precision: str | None) -> tuple[WeightsRecord, Engine]:
    engine = getattr(quick_import(MODULES[runtime]), CONVERTED[runtime])
    record, model = converted(weights, engine)
    rows, columns = record.preprocessing["spatial_size"]
    return record, engine(model, shape=(record.network["in_channels"], rows, columns), precision=precision)
