"""Stages of a network and what each reads, followed through one forward pass; nothing here knows an architecture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves  # private, of PyTorch

NORMS = (nn.BatchNorm2d, nn.GroupNorm)
"""Layers that belong to the stage before them."""


@dataclass(frozen=True)
class Stage:
    """A box of the figure.

    Attributes:
        name: path of the module in the network; "image" for the input.
        kind: class names of what it is made of.
        shape: shape of its output, ``(channels, rows, columns)``.
        reads: positions of the stages that it reads, in the order of execution.
        enlarges: whether its output has more rows than something that it reads.
    """

    name: str
    kind: str
    shape: tuple[int, int, int]
    reads: tuple[int, ...] = ()
    enlarges: bool = False


class _Sources(TorchFunctionMode):
    """Hands the attribute `sources` of tensors, the stages they come from, on to all that is computed from them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        _mark(result, _read_sources((args, kwargs)))
        return result


def trace_stages(network: nn.Module, image: Tensor) -> list[Stage]:
    """Stages in the order of execution, the image first, the head last.

    A stage is the largest module that takes and returns single tensors. Encoders and decoders, which pass lists of
    features, are opened. A module without parameters, or a normalisation, is part of what comes before it.

    Args:
        image: ``(1, in_channels, H, W)``, best on the meta device together with the network: nothing is computed then.
    """
    modules = {name: network.get_submodule(name) for name in _find_stage_names(network, image)}
    stages = [Stage("image", "image", _read_shape(image))]

    def add_stage(module: nn.Module, args: Any, kwargs: Any, output: Tensor) -> None:
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        rows = min(tensor.shape[-2] for tensor in inputs)
        reads = tuple(sorted(_read_sources(inputs)))
        stages.append(Stage(names[module], name_kind(module), _read_shape(output), reads, output.shape[-2] > rows))
        _mark(output, frozenset({len(stages) - 1}))

    names = {module: name for name, module in modules.items()}
    handles = [module.register_forward_hook(add_stage, with_kwargs=True) for module in modules.values()]
    _mark(image, frozenset({0}))
    with torch.no_grad(), _Sources():
        network(image)
    for handle in handles:
        handle.remove()
    return _fold_enlargements(stages)


def name_kind(module: nn.Module) -> str:
    """Class names of what a module is made of; of a plain sequence those of its parts with weights, each once."""
    if type(module) is not nn.Sequential:
        return type(module).__name__
    kinds = [name_kind(part) for part in module if _has_weights(part)]
    return " + ".join(dict.fromkeys(kinds))


def _find_stage_names(network: nn.Module, image: Tensor) -> list[str]:
    opened = {""}
    called = set()
    names = {module: name for name, module in network.named_modules()}

    def note_call(module: nn.Module, args: Any, output: Any) -> None:
        called.add(names[module])
        if any(isinstance(value, Sequence) for value in (*args, output)):
            opened.update(_with_parents(names[module]))

    handles = [module.register_forward_hook(note_call) for module in names]
    with torch.no_grad():
        network(image)
    for handle in handles:
        handle.remove()
    stages: list[str] = []
    for name, module in network.named_modules():
        inside = any(parent in stages for parent in _with_parents(name))
        if name in called - opened and not inside and _has_weights(module):
            stages.append(name)
    return stages


def _fold_enlargements(stages: Sequence[Stage]) -> list[Stage]:
    """Up-sampling and the block that follows it as one stage, where that block is its only reader."""
    folded: dict[int, Stage] = dict(enumerate(stages))
    for index, stage in enumerate(stages):
        readers = [j for j, other in enumerate(stages) if index in other.reads]
        if not stage.enlarges or len(readers) != 1 or readers[0] == len(stages) - 1:
            continue
        reader = folded[readers[0]]
        alone = [i for i in reader.reads if stages[i].enlarges and stages[i].shape[1:] == stage.shape[1:]] == [index]
        if alone and reader.shape[1:] == stage.shape[1:]:
            reads = tuple(sorted({*stage.reads, *reader.reads} - {index}))
            folded[readers[0]] = replace(reader, kind=f"{stage.kind} + {reader.kind}", reads=reads, enlarges=True)
            del folded[index]
    position = {index: place for place, index in enumerate(sorted(folded))}
    return [replace(folded[i], reads=tuple(position[read] for read in folded[i].reads)) for i in sorted(folded)]


def _has_weights(module: nn.Module) -> bool:
    return not isinstance(module, NORMS) and any(True for _ in module.parameters())


def _with_parents(name: str) -> list[str]:
    words = name.split(".")
    return [".".join(words[:length]) for length in range(1, len(words) + 1)]


def _read_sources(values: Any) -> frozenset[int]:
    return frozenset().union(*(getattr(leaf, "sources", ()) for leaf in tree_leaves(values)))


def _mark(values: Any, sources: Iterable[int]) -> None:
    for leaf in tree_leaves(values):
        if isinstance(leaf, Tensor):
            leaf.sources = frozenset(sources)  # type: ignore[attr-defined]  # kept on the tensor, no table to maintain


def _read_shape(tensor: Tensor) -> tuple[int, int, int]:
    _, channels, rows, columns = tensor.shape
    return channels, rows, columns
