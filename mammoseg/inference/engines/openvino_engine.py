"""OpenVINO on a CPU."""

import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from mammoseg.inference.engines.engine import choose_precision

DEVICE = "CPU"


class OpenVinoEngine:
    """A converted network, compiled for images of one size when the first of them comes.

    Args:
        path: ONNX file, see `mammoseg.inference.engines.converted`.
        shape: ``(in_channels, rows, columns)`` of the images.
        precision: one of `PRECISIONS`; f32 when None.

    Raises:
        WrongCallError: the processor does not compute with this precision.
    """

    name = f"openvino {version('openvino')}"

    def __init__(self, path: Path, *, shape: tuple[int, int, int], precision: str | None = None) -> None:
        self._core = openvino.Core()
        self.precision = choose_precision(precision, self.list_precisions(), name=self.name)
        self._model = self._core.read_model(path)
        self._model.reshape([1, *shape])
        self._settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": self.precision, "PERFORMANCE_HINT": "LATENCY"}
        self._compiled: Any = None
        self._compiling = threading.Lock()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits ``(N, out_channels, rows, columns)`` of images ``(N, in_channels, rows, columns)``, one by one."""
        self.prepare()
        return np.concatenate([self._compiled(np.ascontiguousarray(image[None]))[0] for image in images])

    def prepare(self) -> None:
        """Compile the network now, in another thread perhaps."""
        with self._compiling:
            if self._compiled is None:
                self._compiled = self._core.compile_model(self._model, DEVICE, self._settings)

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self._settings["INFERENCE_NUM_THREADS"] = count
        self._compiled = None

    @staticmethod
    def list_precisions() -> list[str]:
        """What OpenVINO computes with on this processor, f32 first."""
        capabilities = openvino.Core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
        return ["f32", *(["bf16"] if "BF16" in capabilities else [])]
