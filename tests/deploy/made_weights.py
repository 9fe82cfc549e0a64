"""Weights of a narrow network that was never trained, and a bundle exported with them."""

from pathlib import Path

import torch
from monai.bundle import ConfigParser

from mammoseg.bundles import render
from mammoseg.checkpoints.checkpoint import save_checkpoint
from mammoseg.deploy.export import export
from mammoseg.networks import Network
from tests.test_bundles import CASES
from tests.tiny_voc import NARROW as NARROW_VOC

FAMILIES = ("unet", "connected_unets", "resnet34_unet")
"""One of each: a plain U-Net, a cascade of two, a decoder over an encoder of timm."""


def narrow_config(name: str) -> ConfigParser:
    """A bundle's train.json with a narrow network and a small image."""
    parser = ConfigParser(render(name)["train"])
    changes = NARROW_VOC
    if name in CASES:
        case = CASES[name]
        changes = {"spatial_size": [case.side] * 2} | {f"network_def::{key}": v for key, v in case.narrow.items()}
    parser.update(pairs=changes | {"voi": "first"})  # there is no datalist to say it
    return parser


def narrow_network(name: str) -> Network:
    """Network of `narrow_config`, with random weights of seed 0."""
    torch.manual_seed(0)
    return narrow_config(name).get_parsed_content("network_def")


def write_weights(name: str, path: Path) -> Path:
    """Checkpoint of `narrow_network` that finds no mass, as random weights find what cannot be; returns its path."""
    torch.manual_seed(0)
    parser = narrow_config(name)
    network = parser.get_parsed_content("network_def")
    *_, head = (part for part in network.modules() if isinstance(part, torch.nn.Conv2d))
    if head.bias is not None:
        with torch.no_grad():
            head.bias[-1] -= 20
    content = {
        "model": network.state_dict(),
        "network": network.config,
        "preprocessing": parser.get_parsed_content("preprocessing").settings,
        "provenance": {"source": "phantom"},
    }
    save_checkpoint(path, content)
    return path


def exported(name: str, folder: Path, **options) -> Path:
    """Export a bundle with such weights into ``folder/export``; returns the folder of the bundle."""
    return export(name, weights=write_weights(name, folder / "weights.pt"), output=folder / "export", **options)
