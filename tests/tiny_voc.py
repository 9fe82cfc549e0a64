"""A VOCdevkit tree and a narrow network, for tests that read or train on photographs in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from mammoseg.data.class_maps import write_class_map

COLOURS = np.array([[30, 30, 30], [220, 40, 40], [40, 220, 40], [40, 40, 220]], np.uint8)
"""Red, green, blue of background and three classes."""


def write_tiny_voc(folder: Path, *, train: int = 6, val: int = 3) -> Path:
    """Photographs of 48 x 64 with one square of class 1, 2 or 3 and its ignored border; returns the VOCdevkit."""
    rng = np.random.default_rng(0)
    year = folder / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (year / part).mkdir(parents=True)
    for official, count in (("train", train), ("val", val)):
        names = [f"2012_{official}_{number}" for number in range(count)]
        (year / "ImageSets" / "Segmentation" / f"{official}.txt").write_text("\n".join(names) + "\n")
        for number, name in enumerate(names):
            top, left = rng.integers(2, 20), rng.integers(2, 36)
            classes = np.zeros((48, 64), np.uint8)
            classes[top : top + 24, left : left + 24] = 255
            classes[top + 1 : top + 23, left + 1 : left + 23] = number % 3 + 1
            objects = np.where(classes == 255, 0, classes)
            Image.fromarray(COLOURS[objects]).save(year / "JPEGImages" / f"{name}.jpg", quality=95)
            write_class_map(year / "SegmentationClass" / f"{name}.png", classes)
    return folder / "VOCdevkit"


NARROW = {
    "spatial_size": [64, 64],
    "network_def::encoder": "test_resnet",
    "network_def::channels": [16, 16, 32, 32, 32],
}
"""Overrides that make `se_fusion_bit` small."""
