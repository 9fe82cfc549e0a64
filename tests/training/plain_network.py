"""A network without batch normalisation, so that its gradient is the mean of those of its images."""

from torch import Tensor, nn

from mammoseg.networks.network import Network


class PlainNetwork(Network):
    def __init__(self, in_channels: int = 3, out_channels: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, out_channels, 3, padding=1)
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)
