"""The mean of the probabilities of several networks, as one network; no architecture of a bundle."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mammoseg.networks.network import Network


class MeanOfNetworks(Network):
    """Trained networks that see the same image; its logits are those of the mean of their probabilities.

    Whatever stands behind a network (sigmoid or softmax, threshold, flips) gives the mean then. It is not trained: its
    members are, one by one.

    Args:
        members: `Network.config` of each, without the channels, which are the same for all.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by what each member asks for;
        returns logits ``(N, out_channels, H, W)``, float32.

    Examples:
        >>> import torch
        >>> from mammoseg.networks import MeanOfNetworks
        >>> members = [{"architecture": "UNet", "channels": [4, 8]}, {"architecture": "UNetSlim", "channels": [4, 8]}]
        >>> network = MeanOfNetworks(3, 1, members=members).eval()
        >>> image = torch.rand(1, 3, 16, 16)
        >>> mean = sum(member(image).sigmoid() for member in network.members) / 2
        >>> torch.allclose(network(image).sigmoid(), mean, atol=1e-6)
        True
    """

    def __init__(self, in_channels: int, out_channels: int, *, members: Sequence[Mapping[str, Any]]) -> None:
        from mammoseg.networks import build_network  # the index, which has this network too

        super().__init__()
        channels = {"in_channels": in_channels, "out_channels": out_channels}
        networks = [build_network({**member, **channels}) for member in members]
        self.config["members"] = [drop_channels(network.config) for network in networks]
        self.members = nn.ModuleList(networks)
        self.size_divisor = math.lcm(*(network.size_divisor for network in networks))
        self.has_sigmoid = out_channels == 1

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        logs = torch.stack([self._compute_logs(member(image)) for member in self.members])  # (members, N, C, H, W)
        highest = logs.amax(0)  # written out, for not every runtime subtracts it within its own logarithm of a sum
        mean = highest + (logs - highest).exp().mean(0).log()
        return mean[:, 1:] - mean[:, :1] if self.has_sigmoid else mean

    def _compute_logs(self, logits: Tensor) -> Tensor:
        """Logarithms of probabilities, ``(N, C, H, W)``; of one channel those of its background and of itself."""
        logits = logits.float()
        pair = torch.cat([torch.zeros_like(logits), logits], dim=1) if self.has_sigmoid else logits
        return pair.log_softmax(dim=1)


def drop_channels(config: Mapping[str, Any]) -> dict[str, Any]:
    """A `Network.config` as one of several `members`: without the numbers of channels, which stand beside these."""
    return {name: value for name, value in config.items() if name not in ("in_channels", "out_channels")}
