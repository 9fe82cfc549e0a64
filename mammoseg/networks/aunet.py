"""AUNet: attention-guided dense up-sampling (Sun et al. 2020, Phys. Med. Biol. 65 055005)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mammoseg.networks.aunet_blocks import AttentionUp, BasicUnit, UnitEncoder
from mammoseg.networks.network import Network


class AUNet(Network):
    """Residual encoder, AU blocks with Basic units as decoder.

    Args:
        channels: width of each level, finest first; each level is twice as wide as the one before.
        reduction: ratio r of the channel attention (2, 4, 8, 16 and 32 in the paper).
        up: ``bilinear``, or ``transposed`` convolutions in its place, as a switch of the authors' code has it.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 2,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        reduction: int = 16,
        up: str = "bilinear",
    ) -> None:
        super().__init__()
        for fine, coarse in pairwise(channels):
            if coarse != 2 * fine:
                raise ValueError(f"channels are {list(channels)}, each level must be twice the one before it.")
        self.size_divisor = 2 ** (len(channels) - 1)
        self.encoder = UnitEncoder(in_channels, tuple(channels), unit="res")
        fine_widths = list(reversed(channels))[1:]
        self.ups = nn.ModuleList(AttentionUp(fine, reduction=reduction, up=up) for fine in fine_widths)
        self.units = nn.ModuleList(BasicUnit(2 * fine, fine) for fine in fine_widths)
        self.head = nn.Conv2d(channels[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, features = self.encoder(image)
        for up, unit, skip in zip(self.ups, self.units, reversed(skips), strict=True):
            features = unit(up(features, skip))
        return self.head(features)
