"""Tiny weights, models and labels for tests of the label app, and a data source that is a dictionary."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mammoseg.checkpoints.checkpoint import save_checkpoint
from mammoseg.transforms.pipelines import build_film_preprocessing
from monailabel_app.lib.models.discover import ModelEntry
from monailabel_app.lib.models.serving import ServedModel
from monailabel_app.lib.models.versions import Versions
from tests.label.bright_model import bright_network

OVERRIDES = {"spatial_size": [32, 32], "network_def::channels": [4, 8, 16]}


def write_weights(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Weights of a tiny UNet that were never trained, and find what is bright; other ones for another seed."""
    torch.manual_seed(seed)
    network = bright_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.001 * torch.randn_like(parameter))
    settings = build_film_preprocessing(spatial_size=[32, 32]).settings
    content = {"network": network.config, "preprocessing": settings, "provenance": {"bundle": "unet"}}
    save_checkpoint(path, {"model": network.state_dict(), **content, **changes})
    return path


def served_model(folder: Path, weights: Path | None, **options: Any) -> ServedModel:
    """A model of bundle unet whose versions are in `folder`."""
    entry = ModelEntry("unet", weights, "UNet", "0.1.0")
    return ServedModel(entry, Versions(folder / "models" / "unet", weights), device="cpu", **options)


def write_picture(path: Path, *, seed: int = 0) -> tuple[Path, np.ndarray]:
    """A breast with one bright disc, 64 x 48, and the disc as a mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((64, 48), np.uint8)
    cv2.circle(mask, (int(rng.integers(10, 26)), int(rng.integers(20, 44))), 6, 255, -1)
    image = np.zeros((64, 48), np.uint8)
    cv2.ellipse(image, (0, 32), (40, 30), 0, 0, 360, 90, -1)
    image[mask > 0] = 220
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return path, mask > 0


@dataclass
class DictDatastore:
    """What training, batch inference and scoring need of a data source; every label is a person's."""

    images: dict[str, Path]
    masks: dict[str, Path] = field(default_factory=dict)
    info: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_labels: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_pictures(cls, folder: Path, count: int) -> "DictDatastore":
        """`count` labelled pictures, one patient each."""
        store = cls({})
        for number in range(count):
            name = f"image-{number}"
            store.images[name], mask = write_picture(folder / f"{name}.png", seed=number)
            store.masks[name] = folder / f"{name}.mask.png"
            cv2.imwrite(str(store.masks[name]), mask.astype(np.uint8) * 255)
        return store

    def list_human_labels(self) -> list[dict[str, Any]]:
        return [
            {"image_id": name, "image": str(self.images[name]), "label": str(mask), "patient_id": f"patient-{name}"}
            for name, mask in self.masks.items()
        ]

    def list_images(self) -> list[str]:
        return list(self.images)

    def get_labeled_images(self, label_tag: str | None = None, labels: Any = None) -> list[str]:
        return list(self.masks)

    def get_unlabeled_images(self, label_tag: str | None = None, labels: Any = None) -> list[str]:
        return [name for name in self.images if name not in self.masks]

    def get_patient_group(self, image_id: str) -> str:
        return f"patient-{image_id}"

    def get_image_uri(self, image_id: str) -> str:
        return str(self.images[image_id])

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return image_id if tag == "original" and image_id in self.model_labels else ""

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        return self.model_labels[label_id]

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        assert label_tag == "original"
        self.model_labels[image_id] = label_info
        return image_id

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        return self.info.get(image_id, {})

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        self.info.setdefault(image_id, {}).update(info)

    def change_image_info(self, image_id: str, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        info = self.info.setdefault(image_id, {})
        info[key] = change(info.get(key, {}))
