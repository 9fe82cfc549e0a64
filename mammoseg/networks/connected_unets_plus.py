"""ConnectedUNets+ (Sarker et al. 2022, ISVC)."""

from collections.abc import Sequence

from torch import Tensor

from mammoseg.networks.blocks import PlainBlock, res_paths
from mammoseg.networks.cascade import UNetCascade
from mammoseg.networks.network import Network


class ConnectedUNetsPlus(Network):
    """Connected-UNets with residual paths on all skip connections but the finest between the two U-Nets.

    Chosen reading: dilations 6, 12, 18 as in the authors' code; the paper's table lists 6, 8, 12.

    Args:
        channels: width of each level, finest first; the last one is that of the bottlenecks.
        dilations: of the three parallel dilated convolutions of each ASPP.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        channels: Sequence[int] = (32, 64, 128, 256, 512),
        dilations: Sequence[int] = (6, 12, 18),
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        self.cascade = UNetCascade(
            in_channels,
            out_channels,
            channels=channels,
            block=PlainBlock,
            block_channels=channels[:-1],
            paths=res_paths,
            dilations=dilations,
        )

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.cascade(image)
