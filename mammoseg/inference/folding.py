"""Batch normalisations folded into the convolutions before them, wherever a network allows it.

With fixed statistics a normalisation is one scale and one shift a channel. Directly behind a convolution it is folded
into the weights (`torch.nn.utils.fusion`). Behind a convolution and a ReLU, the order of the networks born in Keras, it
is folded too, and the ReLU becomes a clamp. Where it may be done is seen on one forward pass, so blocks can be written
in any way.
"""

import copy
from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves  # private, of PyTorch

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class Fold(NamedTuple):
    """Paths of modules that follow each other with nothing else reading what is between."""

    convolution: str
    relu: str | None
    normalisation: str


class ChannelClamp(nn.Module):
    """ReLU and the normalisation behind it, when the convolution before both has taken over scale and shift.

    With scale s and shift b, ``s * relu(y) + b`` is ``max(s * y + b, b)`` for positive s, ``min(s * y + b, b)`` else.

    Args:
        scale: factor of each channel, ``(C,)``.
        shift: addend of each channel, ``(C,)``.
    Shape:
        features ``(N, C, H, W)``, changed in place; returns them.
    """

    lowest: Tensor
    highest: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("lowest", torch.where(scale > 0, shift, -torch.inf)[:, None, None])
        self.register_buffer("highest", torch.where(scale > 0, torch.inf, shift)[:, None, None])

    def forward(self, features: Tensor) -> Tensor:
        return features.clamp_(self.lowest, self.highest)


@torch.no_grad()
def fold_normalisations(network: nn.Module, example: Tensor) -> nn.Module:
    """Copy of a network, in evaluation mode, without the batch normalisations that convolutions can take over.

    Args:
        example: an image that the network takes; only the shape is used.
    """
    folded = copy.deepcopy(network).eval()
    for fold in find_folds(network, example):
        convolution, normalisation = folded.get_submodule(fold.convolution), folded.get_submodule(fold.normalisation)
        assert isinstance(convolution, CONVOLUTIONS) and isinstance(normalisation, nn.BatchNorm2d)
        transposed = isinstance(convolution, nn.ConvTranspose2d)
        folded.set_submodule(fold.convolution, fuse_conv_bn_eval(convolution, normalisation, transpose=transposed))
        folded.set_submodule(fold.normalisation, nn.Identity())
        if fold.relu is not None:
            folded.set_submodule(fold.relu, ChannelClamp(*compute_scale_and_shift(normalisation)))
    return folded


def compute_scale_and_shift(normalisation: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch normalisation does to each channel in evaluation, two tensors ``(C,)``."""
    channels = torch.tensor([0.0, 1.0], device=normalisation.running_mean.device)  # type: ignore[union-attr]  # has one
    at_0, at_1 = normalisation(channels[:, None, None, None].expand(2, normalisation.num_features, 1, 1))[..., 0, 0]
    return at_1 - at_0, at_0


def find_folds(network: nn.Module, example: Tensor) -> list[Fold]:
    """Normalisations that can be folded, seen on one pass of an example ``(N, C, H, W)`` without numbers (meta device).

    Only modules that are called once count, and between the modules of a fold only tensors that are read once.
    """
    network = copy.deepcopy(network).to("meta").eval()
    calls: dict[nn.Module, list[tuple[int, int]]] = {}  # identities of the tensors read and given
    for module in network.modules():
        if type(module) in (*CONVOLUTIONS, nn.ReLU, nn.BatchNorm2d):
            if isinstance(module, nn.ReLU):
                module.inplace = False  # else the tensors before and after it are one
            module.register_forward_hook(
                lambda m, read, given: calls.setdefault(m, []).append((id(read[0]), id(given)))
            )
    readers = Readers()
    with torch.no_grad(), readers:
        readers.read(network(example.to("meta")))
    paths = {module: path for path, module in network.named_modules()}
    once = {module: call for module, (call, *more) in calls.items() if not more}
    maker = {given: module for module, (_, given) in once.items()}

    def find_before(module: nn.Module) -> nn.Module | None:
        read, _ = once[module]
        return maker.get(read) if readers.count[read] == 1 else None

    folds = []
    for module in once:
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            source = find_before(module)
            relu = source if isinstance(source, nn.ReLU) else None
            convolution = find_before(relu) if relu is not None else source
            if isinstance(convolution, CONVOLUTIONS) and convolution.groups == 1:
                folds.append(Fold(paths[convolution], paths[relu] if relu is not None else None, paths[module]))
    return folds


class Readers(TorchFunctionMode):
    """Counts how often each tensor is read, by identity; keeps all alive, so that identities stay unique."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[int] = Counter()
        self.kept: list[Tensor] = []

    def read(self, values: Any) -> None:
        """Count one reading of every tensor in nested `values`."""
        tensors = [value for value in tree_leaves(values) if isinstance(value, Tensor)]
        self.count.update(map(id, tensors))
        self.kept.extend(tensors)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        given = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        if given:  # to ask for a shape is no reading
            self.read((args, kwargs))
        self.kept.extend(given)
        return result
