"""What a file of weights says beside its tensors; needs no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoseg.bundles import list_bundle_names, locate_bundle
from mammoseg.checkpoints.weights_file import WeightsError


@dataclass(frozen=True, kw_only=True)
class WeightsRecord:
    """Content of a checkpoint file without the weights themselves.

    Attributes:
        architecture: what `name_architecture` calls it.
        network: word and arguments, as `rebuild_network_config` gives them.
        preprocessing: settings, as `rebuild_preprocessing_settings` gives them.
        provenance: what `mammoseg.provenance.collect_provenance` collected.
        sha256: hash of the file.
        path: where the file lies.
        threshold: probability from which a pixel is mass, chosen for these weights; None where nobody has.
        calibration: value of `read_recorded_calibration`; None where nobody has fitted one.
        flips: whether both were found with flips at test, see `mammoseg.inference.flips`.
        min_area_mm2: least area of a lesion in the breast, chosen for these weights; None where nobody has.
        bf16: value of `read_recorded_bf16`; None where nobody has measured it.
    """

    architecture: str
    network: dict[str, Any]
    preprocessing: dict[str, Any]
    provenance: dict[str, Any]
    sha256: str
    path: Path
    threshold: float | None = None
    calibration: dict[str, Any] | None = None
    flips: bool = False
    min_area_mm2: float | None = None
    bf16: dict[str, Any] | None = None


def name_architecture(config: Mapping[str, Any]) -> str:
    """What a complete `Network.config` is called in a sentence: its class, and its decoder where that has several.

    A mean of networks is called by all its members.

    Examples:
        >>> from mammoseg.checkpoints.record import name_architecture
        >>> name_architecture({"architecture": "SmpUNet", "decoder": "unet"})
        'SmpUNet with decoder unet'
    """
    if members := config.get("members"):
        return f"the mean of {' and '.join(map(name_architecture, members))}"
    name, decoder = config["architecture"], config.get("decoder")
    return f"{name} with decoder {decoder}" if decoder else name


def name_members(network: Mapping[str, Any]) -> list[str]:
    """What `name_architecture` calls each member of a mean of networks; nothing for another network.

    Raises:
        ValueError: they are no networks, after the name of the file.
    """
    members = network.get("members", [])
    if not isinstance(members, list) or not all(
        isinstance(one, dict) and "architecture" in one and "members" not in one for one in members
    ):
        raise ValueError("records a mean of what are no networks")
    return [name_architecture(member) for member in members]


def choose_bundle(weights: WeightsRecord, otherwise: str) -> str:
    """The bundle that weights record, where there is one of that name, else `otherwise`."""
    recorded = weights.provenance.get("bundle")
    return recorded if recorded in list_bundle_names() else otherwise


def read_mass_threshold(weights: WeightsRecord, bundle: str) -> float:
    """Probability from which a pixel is mass: that of the weights, else of their bundle."""
    return weights.threshold or _read_config(bundle)["default_threshold"]


def check_architecture(weights: WeightsRecord, bundle: str) -> None:
    """Refuse weights of another architecture than the bundle's; of a mean of networks one member must be of it.

    Raises:
        WeightsError: naming both architectures.
    """
    network = _read_config(bundle)["network_def"]
    target = name_architecture({**network, "architecture": network["_target_"].rpartition(".")[2]})
    if target not in (weights.architecture, *name_members(weights.network)):
        raise WeightsError(
            f"{weights.path} holds {weights.architecture}, bundle '{bundle}' is {target}; name its bundle."
        )


def _read_config(bundle: str) -> dict[str, Any]:
    return json.loads((Path(locate_bundle(bundle)) / "configs" / "inference.json").read_text(encoding="utf-8"))
