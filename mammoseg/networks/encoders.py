"""Encoders with five levels of features at strides 2, 4, 8, 16, 32."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mammoseg.compat import heal_torchvision
from mammoseg.errors import WrongCallError
from mammoseg.networks.pretrained import load_timm_weights, load_whole, read_state_dict

GMIC_PREFIX = "ds_net."
"""Where a GMIC checkpoint keeps its ResNet22."""

GMIC_NAMES = {"first_conv.": "stem.", "layer_list.": "stages.", "downsample.0.": "projection.", "final_bn.": "norm."}
"""Words of GMIC's keys and the words here."""


class TimmEncoder(nn.Module):
    """Features of a network of timm, by its name there; ``resnet34`` is the one of the papers.

    Attributes:
        channels: width of each level, finest first.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 32; returns ``[(N, channels[i], H / 2**(i+1), ...)]``.
    """

    def __init__(self, name: str, in_channels: int = 3) -> None:
        super().__init__()
        heal_torchvision()
        import timm  # takes a second and needs torchvision

        if not timm.is_model(name):
            raise WrongCallError(
                f"unknown encoder '{name}'; known: resnet22 and the networks of timm, such as resnet34."
            )
        self.name = name
        features: Any = timm.create_model(name, features_only=True, in_chans=in_channels)
        self.channels: list[int] = features.feature_info.channels()
        self.features = features

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.features(image)

    def load_pretrained(self, source: str | Path) -> None:
        """Load the weights of `source`; see `mammoseg.networks.pretrained.load_timm_weights`.

        Raises:
            WrongCallError: there are none, or they do not fit.
        """
        load_timm_weights(self.features, source, name=self.name)


class PreActivationUnit(nn.Module):
    """Normalisation and ReLU before each of two 3x3 convolutions, without biases, and a shortcut (He et al. 2016).

    Args:
        stride: step of the first convolution.
        project: whether the shortcut is a 1x1 convolution of the activated features, not the features themselves.
    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, out_channels, H / stride, W / stride)``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, project: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False) if project else None

    def forward(self, features: Tensor) -> Tensor:
        active = torch.relu(self.bn1(features))
        shortcut = features if self.projection is None else self.projection(active)
        return self.conv2(torch.relu(self.bn2(self.conv1(active)))) + shortcut


class ResNet22(nn.Module):
    """Pre-activation network of GMIC's global view (Shen et al. 2021, Medical Image Analysis 68:101908).

    Chosen reading: GMIC's max-pooling after the first convolution is left out, so that the levels lie at strides 2 to
    32 like those of ResNet34; it has no parameters. The finest four levels are bare residual sums, the coarsest is
    normalised and activated, as the published count needs.

    Attributes:
        channels: width of each level, finest first.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 32; returns ``[(N, channels[i], H / 2**(i+1), ...)]``.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.channels = [16, 32, 64, 128, 256]
        self.stem = nn.Conv2d(in_channels, 16, 7, stride=2, padding=3, bias=False)
        self.stages = nn.ModuleList()
        for stride, read, width in zip((1, 2, 2, 2, 2), (16, *self.channels[:-1]), self.channels, strict=True):
            first = PreActivationUnit(read, width, stride=stride, project=True)
            self.stages.append(nn.Sequential(first, PreActivationUnit(width, width, stride=1, project=False)))
        self.norm = nn.BatchNorm2d(256)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = [self.stem(image)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return [*features[1:-1], torch.relu(self.norm(features[-1]))]

    def load_pretrained(self, source: str | Path) -> None:
        """Load the encoder's part of the GMIC checkpoint `source`.

        Raises:
            WrongCallError: there is none, or it does not fit.
        """
        if source == "imagenet":
            raise WrongCallError("resnet22 has no ImageNet weights; give a GMIC checkpoint file or nothing.")
        weights = {
            key[len(GMIC_PREFIX) :]: w for key, w in read_state_dict(source).items() if key.startswith(GMIC_PREFIX)
        }
        if not weights:
            raise WrongCallError(
                f"encoder weights {source} have no key that begins with '{GMIC_PREFIX}'; give a GMIC checkpoint."
            )
        for theirs, ours in GMIC_NAMES.items():
            weights = {key.replace(theirs, ours): weight for key, weight in weights.items()}
        load_whole(self, weights, source=source)


def make_encoder(name: str, in_channels: int, *, weights: str | Path | None = None) -> TimmEncoder | ResNet22:
    """Encoder by name: ``resnet22`` or a network of timm.

    Args:
        weights: None for random ones, a file, "imagenet" (fetched by timm at run time), or "package" (in an installed
            package).
    Raises:
        WrongCallError: unknown name; weights missing or not those of this encoder.
    """
    encoder = ResNet22(in_channels) if name == "resnet22" else TimmEncoder(name, in_channels)
    if weights is not None:
        encoder.load_pretrained(weights)
    return encoder
