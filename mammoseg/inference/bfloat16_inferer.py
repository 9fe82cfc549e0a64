"""The network's pass in bfloat16, where card or processor computes it."""

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer
from torch import Tensor

from mammoseg.inference.bfloat16 import computes_bfloat16


class Bfloat16Inferer(SimpleInferer):
    """Runs the network under PyTorch's autocast to bfloat16 and gives its answer as float32, so the loss is float32.

    On a device that does not compute bfloat16 itself the network runs as it is: there it would only be slower. Weights
    stay float32 everywhere.

    Shape:
        image ``(N, C, H, W)``; returns what the network does, a tensor in float32.

    Examples:
        >>> import torch
        >>> from mammoseg.inference.bfloat16_inferer import Bfloat16Inferer
        >>> Bfloat16Inferer()(torch.ones(1, 1, 4, 4), torch.nn.Conv2d(1, 1, 1)).dtype
        torch.float32
    """

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
        """Answer of `network` to `inputs`."""
        kind = inputs.device.type
        if not computes_bfloat16(kind):
            return super().__call__(inputs, network, *args, **options)
        with torch.autocast(kind, dtype=torch.bfloat16):
            return super().__call__(inputs, network, *args, **options).float()
