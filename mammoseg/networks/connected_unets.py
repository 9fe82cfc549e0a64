"""Connected-UNets (Baccouche et al. 2021, npj Breast Cancer 7:151)."""

from collections.abc import Sequence

from torch import Tensor

from mammoseg.networks.blocks import PlainBlock
from mammoseg.networks.cascade import UNetCascade, direct_paths
from mammoseg.networks.network import Network


class ConnectedUNets(Network):
    """Two U-Nets of plain blocks, connected.

    Chosen reading: the 20.1 M parameters of one table and of the original code; the 22.4 M of another are unexplained.

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
            paths=direct_paths,
            dilations=dilations,
        )

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.cascade(image)
