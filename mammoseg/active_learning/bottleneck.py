"""Features of an image out of any network: what its coarsest level says, averaged over the image.

The rule: the outermost module that is called ``bottleneck``, else ``encoder``; of several feature maps that it gives
the coarsest. A network with neither, such as a cascade of two U-Nets: of all modules without children the one that is
called last on the coarsest grid, in a U-Net the last layer before the way up. A grid of one pixel is the squeeze of a
channel attention, not a level.
"""

import math
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves  # private, of PyTorch

from mammoseg.errors import WrongCallError

NAMES = ("bottleneck", "encoder")
"""What the module is called that ends with the features, in the order they are looked for."""


class BottleneckFeatures:
    """Watches a network while the block runs."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._features: Tensor | None = None

    @property
    def features(self) -> Tensor:
        """Features of the latest image or images, ``(N, C)``.

        Raises:
            WrongCallError: the images are so small that no level has more than one pixel.
        """
        if self._features is None:
            raise WrongCallError("the image is so small that the network's coarsest level is one pixel; enlarge it.")
        return self._features

    def __enter__(self) -> "BottleneckFeatures":
        self._coarsest = math.inf
        self._hooks = [
            module.register_forward_hook(self._keep_coarsest) for module in find_modules_to_watch(self.network)
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _keep_coarsest(self, module: nn.Module, read: Any, given: Any) -> None:
        for features in tree_leaves(given):
            if isinstance(features, Tensor) and features.ndim == 4:
                pixels = features.shape[2] * features.shape[3]
                if 1 < pixels <= self._coarsest:
                    self._coarsest = pixels
                    self._features = features.mean(dim=(2, 3))


def find_modules_to_watch(network: nn.Module) -> list[nn.Module]:
    """The module that ends with the bottleneck's features, or all that could."""
    for name in NAMES:
        for path, module in network.named_modules():  # outermost first
            if path.rpartition(".")[2] == name:
                return [module]
    return [module for module in network.modules() if not any(module.children())]
