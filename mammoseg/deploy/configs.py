"""Configs of an exported bundle: the repository's, with what the weights record and no path into the repository."""

import json
import shutil
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from mammoseg.checkpoints.checkpoint import Weights
from mammoseg.checkpoints.record import check_architecture
from mammoseg.checkpoints.recorded_values import WORD
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.files import write_json
from mammoseg.networks.network import ARCHITECTURE
from mammoseg.provenance import find_source

CONFIGS = ("train", "inference")
"""The complete configs; overlays name nothing that the weights decide."""


def write_configs(root: Path, folder: Path, weights: Weights) -> dict[str, dict[str, Any]]:
    """Write ``folder/configs`` from those of the bundle in `root`; returns `CONFIGS` and the metadata by name.

    Raises:
        WeightsError: the weights are of another architecture or number of classes.
    """
    check_architecture(weights, root.name)
    shutil.copytree(root / "configs", folder / "configs")
    metadata = _describe(ConfigParser.load_config_file(root / "configs" / "metadata.json"), root.name, weights)
    configs = {"metadata": metadata}
    for name in CONFIGS:
        config = ConfigParser.load_config_file(root / "configs" / f"{name}.json")
        config["_desc_"] = metadata["_desc_"]
        config["bundle_root"] = {"_target_": "mammoseg.deploy.root.locate_export", "name": "@bundle_name"}
        config["run_root"] = "@bundle_root"
        if "members" in weights.network:  # a mean, where the bundle has one network
            target = f"mammoseg.networks.{weights.network[ARCHITECTURE]}"
            config["network_def"] = {"_target_": target, "in_channels": "@in_channels"}
        built = {key: value for key, value in weights.network.items() if key not in (ARCHITECTURE, "encoder_weights")}
        for section, recorded in (("network_def", built), ("preprocessing", weights.preprocessing)):
            set_recorded(config, section, recorded)
        if name == "inference":
            config["post_transforms"] = build_label_server_transforms(config["postprocessing"], weights)
        # MONAI Label gives configs no metadata to refer to.
        text = json.dumps(config).replace('"@_meta_::version"', json.dumps(metadata["version"]))
        configs[name] = json.loads(text)
    for name, config in configs.items():
        write_json(folder / "configs" / f"{name}.json", config)
    return configs


def set_recorded(config: dict[str, Any], section: str, recorded: dict[str, Any]) -> None:
    """Set arguments of a section; where it refers to a top-level value (``@in_channels``), set that instead."""
    for name, value in recorded.items():
        given = config[section].get(name)
        if isinstance(given, str) and given.startswith("@"):
            config[given[1:]] = value
        else:
            config[section][name] = value


def build_label_server_transforms(postprocessing: dict[str, Any], weights: Weights) -> dict[str, Any]:
    """What MONAI Label, which prefers ``post_transforms`` to ``postprocessing``, runs: a mask for it, no files.

    Its writer takes ``(columns, rows)`` and, while the image is there, would stretch that to ``(rows, columns)``.

    Returns:
        The same transforms without those that save, and then 0 and 1 for masses, by the rules of `predict`, or the
        number of the class, as uint8.
    """
    steps = [
        step for step in postprocessing["transforms"] if not step["_target_"].rpartition(".")[2].startswith("Save")
    ]
    if weights.network["out_channels"] > 2:
        steps.append({"_target_": "AsDiscreted", "keys": "pred", "argmax": True})
    else:
        rules = {
            "preprocessing": "@preprocessing",
            "threshold": "@threshold",
            "least_area_mm2": weights.min_area_mm2,
        }
        steps += [
            {"_target_": "mammoseg.inference.keep_masses.KeepMassesd", "keys": "pred", **rules},
            {"_target_": "AsDiscreted", "keys": "pred", "threshold": "@threshold"},
        ]
    steps += [
        {"_target_": "CastToTyped", "keys": "pred", "dtype": "$torch.uint8"},
        {"_target_": "SqueezeDimd", "keys": "pred", "dim": 0},
        {"_target_": "Transposed", "keys": "pred", "indices": [1, 0]},
        {"_target_": "DeleteItemsd", "keys": "image"},
    ]
    return {**postprocessing, "transforms": steps}


def _describe(metadata: dict[str, Any], bundle: str, weights: Weights) -> dict[str, Any]:
    """Metadata with the channels of the network, and the data it was trained on where the bundle names none."""
    formats = metadata["network_data_format"]
    image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    channels, classes = weights.network["in_channels"], weights.network["out_channels"]
    if classes != pred["num_channels"]:
        raise WeightsError(
            f"{weights.path} has {classes} output channels, bundle '{bundle}' describes {pred['num_channels']}; "
            "set network_data_format in its arch.json."
        )
    if channels != image["num_channels"]:
        repeated = image["channel_def"]["0"]
        image |= {"num_channels": channels, "channel_def": {str(channel): repeated for channel in range(channels)}}
    described = f"Exported from bundle '{bundle}' with the settings of models/model.pt."
    recorded = find_source(weights.provenance) or ""
    is_known = all(map(WORD.fullmatch, recorded.split("+")))
    source = metadata["data_source"] or (recorded if is_known else "unknown")  # MONAI reads it too
    return {**metadata, "_desc_": described, "data_source": source}
