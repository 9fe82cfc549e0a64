"""ONNX Runtime on a CPU."""

from pathlib import Path

import numpy as np
import onnxruntime

from mammoseg.inference.engines.engine import choose_precision


class OnnxEngine:
    """A converted network.

    Args:
        path: ONNX file, see `mammoseg.inference.engines.converted`.
        shape: ``(in_channels, rows, columns)`` of the images; the file has it too.
        precision: ``f32``, or None for the same.

    Raises:
        WrongCallError: another precision is named.
    """

    name = f"onnxruntime {onnxruntime.__version__}"

    def __init__(self, path: Path, *, shape: tuple[int, int, int], precision: str | None = None) -> None:
        self.precision = choose_precision(precision, self.list_precisions(), name=self.name)
        self._path, self.shape = path, shape
        self._session = self._start_session(threads=0)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits ``(N, out_channels, rows, columns)`` of images ``(N, in_channels, rows, columns)``."""
        (logits,) = self._session.run(None, {self._session.get_inputs()[0].name: images})
        return logits

    @staticmethod
    def list_precisions() -> list[str]:
        """What ONNX Runtime computes with."""
        return ["f32"]

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self._session = self._start_session(threads=count)

    def prepare(self) -> None:
        """A session has nothing left to do."""

    def _start_session(self, *, threads: int) -> onnxruntime.InferenceSession:
        """A session with so many threads; 0 for one each core."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(self._path, options, providers=["CPUExecutionProvider"])
