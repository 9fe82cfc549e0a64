"""Encoders with five levels of features at strides 2, 4, 8, 16, 32, and how pretrained weights get into them."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mammoseg.compat import heal_torchvision
from mammoseg.errors import WrongCallError

IMAGENET_MODELS = {
    "resnet34": "resnet34.tv_in1k",
    "resnetv2_50x1_bit": "resnetv2_50x1_bit.goog_in21k_ft_in1k",
}
"""Which of timm's weights "imagenet" means: for ResNet34 those of torchvision, for BiT those of BiT-M."""

CLASSIFIER_KEYS = ("fc.", "head.", "norm.")
"""What timm's files have beyond the encoder: the classifier, and in BiT the normalisation before it."""

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
        """Weights from the file `source`, or from timm if it is "imagenet" (`WrongCallError` if they do not fit)."""
        load_timm_weights(self.features, source, name=self.name)


class PreActivationUnit(nn.Module):
    """Normalisation and ReLU before each of two 3x3 convolutions, without biases, and a shortcut (He et al. 2016).

    Args:
        stride: of the first convolution.
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
        """Weights from the GMIC checkpoint `source` (`WrongCallError` if they do not fit), whose rest is not used."""
        if source == "imagenet":
            raise WrongCallError("resnet22 has no ImageNet weights; give a GMIC checkpoint file or nothing.")
        weights = {key[len(GMIC_PREFIX) :]: w for key, w in read_weights(source).items() if key.startswith(GMIC_PREFIX)}
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
        weights: None for random ones, a file, or "imagenet" (fetched by timm at run time).
    Raises:
        WrongCallError: unknown name; weights missing or not those of this encoder.
    """
    encoder = ResNet22(in_channels) if name == "resnet22" else TimmEncoder(name, in_channels)
    if weights is not None:
        encoder.load_pretrained(weights)
    return encoder


def load_timm_weights(encoder: nn.Module, source: str | Path, *, name: str) -> None:
    """Put weights in timm's (or torchvision's) names into an encoder, all of them or none.

    Args:
        encoder: features of the timm network `name`, or the encoder of that name of segmentation_models_pytorch.
        source: a file, or "imagenet".
    Raises:
        WrongCallError: file missing or not readable, download failed, keys or shapes differ.
    """
    weights = fetch_imagenet_weights(name) if source == "imagenet" else read_weights(source)
    weights = {key: weight for key, weight in weights.items() if not key.startswith(CLASSIFIER_KEYS)}
    weights = {re.sub(r"^(stem|stages)\.", r"\1_", key): weight for key, weight in weights.items()}  # as features_only
    load_whole(encoder, weights, source=source)


def fetch_imagenet_weights(name: str) -> dict[str, Tensor]:
    """Weights of the timm network `name`, from its cache or from the network.

    Raises:
        WrongCallError: they cannot be had.
    """
    heal_torchvision()
    import timm

    model = IMAGENET_MODELS.get(name, name)
    try:
        return timm.create_model(model, pretrained=True).state_dict()
    except (OSError, RuntimeError) as error:
        raise WrongCallError(
            f"ImageNet weights '{model}' cannot be fetched ({type(error).__name__}); connect once or give a local file."
        ) from error


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """State dictionary from a ``.safetensors`` file or one of `torch.save`.

    Raises:
        WrongCallError: no such file, or something else in it.
    """
    path = Path(path)
    if not path.is_file():
        raise WrongCallError(f"encoder weights {path} are not a file; give an existing one, 'imagenet' or nothing.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every reader has its own kinds
        raise WrongCallError(f"encoder weights {path} cannot be read ({type(error).__name__}).") from error
    if not isinstance(weights, dict) or not all(map(_is_dense, weights.values())):
        raise WrongCallError(f"encoder weights {path} are not a dictionary of tensors; save a model's state_dict().")
    return weights


def _is_dense(weight: object) -> bool:
    """Whether it is a tensor with memory of its own, which no tensor has that repeats one number a trillion times."""
    return isinstance(weight, Tensor) and weight.layout is torch.strided and weight.is_cpu and weight.is_contiguous()


def load_whole(encoder: nn.Module, weights: dict[str, Tensor], *, source: str | Path) -> None:
    """Load all weights of an encoder or none; the first convolution is adapted to the number of input channels.

    Raises:
        WrongCallError: with the number and the first of the keys that are missing, unknown, or of another shape.
    """
    own = encoder.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    weights = counters | weights  # files older than PyTorch 0.4.1 have no counters
    first = next(key for key, value in own.items() if value.ndim == 4)
    if first in weights:
        weights[first] = adapt_input_channels(weights[first], own[first].shape[1])
    problems = {
        "missing": [key for key in own if key not in weights],
        "unknown": [key for key in weights if key not in own],
        "of another kind": [
            key for key in own if key in weights and weights[key].is_floating_point() != own[key].is_floating_point()
        ],
        "of another shape": [
            f"{key} {tuple(weights[key].shape)} instead of {tuple(own[key].shape)}"
            for key in own
            if key in weights and weights[key].shape != own[key].shape
        ],
    }
    said = [f"{len(keys)} {problem} (first: {keys[0]})" for problem, keys in problems.items() if keys]
    if said:
        raise WrongCallError(
            f"encoder weights {source} do not fit, of {len(own)} keys {', '.join(said)}; nothing was loaded."
        )
    encoder.load_state_dict(weights)


def adapt_input_channels(weight: Tensor, in_channels: int) -> Tensor:
    """First convolution for another number of input channels, with the same result on grey images.

    Three channels are summed to one, one is spread evenly to three: replicated grey gives what grey gave. Other numbers
    are left as they are.

    Shape:
        weight ``(out, channels, k, k)``; returns ``(out, in_channels, k, k)``.
    """
    if in_channels == 1:
        return weight.sum(dim=1, keepdim=True)
    if weight.shape[1] == 1:
        return weight.expand(-1, in_channels, -1, -1) / in_channels
    return weight
