"""A network with its sigmoid or softmax in the formats of other runtimes, each proven against PyTorch after writing."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mammoseg.deploy.asked import ONNX, TORCH_EXPORT, TORCHSCRIPT, check_format
from mammoseg.errors import MammosegError
from mammoseg.networks import Network

TOLERANCE = 1e-4
"""Largest difference of any probability from eager PyTorch that is let out."""


class FormatError(MammosegError):
    """A file of another runtime does not give what PyTorch gives."""


class Probabilities(nn.Module):
    """Network followed by sigmoid (one channel) or softmax over the channels (more).

    Shape:
        image ``(N, in_channels, H, W)``; returns ``(N, out_channels, H, W)``, 0 to 1.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.activation = nn.Sigmoid() if network.config["out_channels"] == 1 else nn.Softmax(dim=1)

    def forward(self, image: Tensor) -> Tensor:
        return self.activation(self.network(image))


@dataclass(frozen=True)
class Format:
    """A file format: its suffix, how a module is written, how the written file is run."""

    suffix: str
    write: Callable[[nn.Module, Tensor, Path], None]
    run: Callable[[Path, Tensor], Tensor]


def write_formats(network: Network, formats: Iterable[str], *, size: tuple[int, int], folder: Path) -> dict[str, float]:
    """Write ``folder/probability.<suffix>`` in each format, run it again, and compare with eager PyTorch.

    The files take images ``(N, in_channels, *size)`` with any N.

    Args:
        network: network on the CPU; is set to evaluation.
        formats: names of `FORMATS`.
        size: rows and columns of the images.
        folder: folder that exists.
    Returns:
        Largest difference of a probability from PyTorch, for each format.
    Raises:
        WrongCallError: a format is unknown or its packages are not installed.
        FormatError: a file differs from PyTorch by more than `TOLERANCE`.
    """
    chosen = list(formats)
    for name in chosen:
        check_format(name)
    model = Probabilities(network).eval()
    shape = (network.config["in_channels"], *size)
    random = torch.Generator().manual_seed(0)
    example = torch.rand(2, *shape, generator=random)  # torch.export would take a batch of 1 for a constant
    image = torch.rand(1, *shape, generator=random)
    differences = {}
    with torch.no_grad():
        expected = model(image)
        for name in chosen:
            format = FORMATS[name]
            path = folder / f"probability{format.suffix}"
            format.write(model, example, path)
            differences[name] = (format.run(path, image) - expected).abs().max().item()
            if not differences[name] <= TOLERANCE:  # NaN fails too
                raise FormatError(
                    f"{path.name} differs from PyTorch by {differences[name]:.1e}, allowed are {TOLERANCE:.0e}; "
                    f"export without {name}."
                )
    return differences


def _write_torchscript(model: nn.Module, example: Tensor, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and sizes are constants on purpose
        torch.jit.save(torch.jit.trace(model, example, check_trace=False), path)


def _run_torchscript(path: Path, image: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(path)(image)


def _export_program(model: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    return torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))


def _write_torch_export(model: nn.Module, example: Tensor, path: Path) -> None:
    torch.export.save(_export_program(model, example), path)


def _run_torch_export(path: Path, image: Tensor) -> Tensor:
    return torch.export.load(path).module()(image)


def write_onnx(model: nn.Module, example: Tensor, path: Path, *, output: str = "probability") -> None:
    """Write a module in evaluation mode that takes images ``(N, in_channels, H, W)``, any N, as ONNX.

    Args:
        example: images ``(2, in_channels, H, W)``; `torch.export` would take a batch of 1 for a constant.
        output: name of what it gives.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            _export_program(model, example), input_names=["image"], output_names=[output], verbose=False
        )
    assert program is not None
    keep_zero_padding(program.model.graph)
    program.save(path)


def keep_zero_padding(graph: Any) -> None:
    """Put a Concat of one input, which changes nothing, between every Pad and a MaxPool after it.

    ONNX Runtime (1.31.1, `Pad_Fusion`) makes zeros that a Pad adds before a MaxPool the pool's own padding, which is
    minus infinity and so loses against negative features.

    Args:
        graph: `onnx_ir.Graph`; is changed.
    """
    import onnx_ir

    for pool in [node for node in graph if node.op_type == "MaxPool"]:
        padded = pool.inputs[0]
        if padded.producer() is not None and padded.producer().op_type == "Pad":
            axis = [onnx_ir.AttrInt64("axis", 1)]
            same = onnx_ir.Node(
                "", "Concat", [padded], axis, outputs=[onnx_ir.Value(type=padded.type, shape=padded.shape)]
            )
            graph.insert_before(pool, same)
            pool.replace_input_with(0, same.outputs[0])


def _run_onnx(path: Path, image: Tensor) -> Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["probability"], {"image": image.numpy()})[0])


FORMATS = {
    TORCHSCRIPT: Format(".ts", _write_torchscript, _run_torchscript),
    TORCH_EXPORT: Format(".pt2", _write_torch_export, _run_torch_export),
    ONNX: Format(".onnx", write_onnx, _run_onnx),
}
"""By the names of `mammoseg.deploy.asked.PACKAGES`."""
