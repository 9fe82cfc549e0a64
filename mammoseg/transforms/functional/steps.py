"""The steps of preprocessing and their order, on numpy arrays: the one list that training and every engine share.

A `Move` changes the grid and can be undone; a `Grey` changes values. Both are plain settings, so that a list can be
made anew from what a checkpoint records. `mammoseg.transforms.pipelines` makes MONAI's dictionary transforms of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammoseg.errors import WrongCallError, make_unknown_name_error
from mammoseg.transforms.functional.clahe import apply_clahe
from mammoseg.transforms.functional.crop_border import find_border_box
from mammoseg.transforms.functional.crop_negligible import find_dark_frame_box
from mammoseg.transforms.functional.crop_to_breast import find_breast_box
from mammoseg.transforms.functional.crop_to_mass import find_mass_box
from mammoseg.transforms.functional.geometry import (
    Box,
    compute_crop_matrix,
    compute_flip_matrix,
    compute_resize_matrix,
    crop,
    resize,
    uncrop,
)
from mammoseg.transforms.functional.orient_left import needs_flip
from mammoseg.transforms.functional.pad import pad
from mammoseg.transforms.functional.remove_background import remove_background
from mammoseg.transforms.functional.scale_intensity import METHODS, scale_intensity

ASPECTS = ("stretch", "pad")

BESIDE = ("channels", "voi", "modalities", "keys")
"""Settings of a preprocessing that concern no step of this list."""

LARGEST_PATCH = 16.0
"""Largest patch around a mass, as a multiple of the area of its box."""

Plan = dict[str, Any]
"""What decides one move: plain numbers only, so that it survives collate and `torch.load(weights_only=True)`."""


class Move(ABC):
    """A change of the grid: measured on the image, carried out on all that shares its grid, and undone."""

    @abstractmethod
    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        """Decide on the first channel ``(rows, columns)`` of the image."""

    @abstractmethod
    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        """Carry out the plan on ``(channels, rows, columns)``."""

    @abstractmethod
    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        """Undo the plan: back to a grid of `size` (rows, columns)."""

    @abstractmethod
    def compute_matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        """Matrix ``(3, 3)`` from the new grid to the old one of `size`, for an affine."""


class Crop(Move):
    """Crop to the box in the plan; on the way back what was cut off is 0."""

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return crop(array, Box(**plan))

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return uncrop(array, Box(**plan), size)

    def compute_matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return compute_crop_matrix(Box(**plan))


@dataclass(frozen=True)
class CropBorder(Crop):
    """Crop white film borders off, see `find_border_box`."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return find_border_box(image)._asdict()


@dataclass(frozen=True)
class CropNegligible(Crop):
    """Crop rows and columns off that are dark throughout, see `find_dark_frame_box`."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return find_dark_frame_box(image)._asdict()


@dataclass(frozen=True)
class CropToMass(Crop):
    """Crop to a patch around a mass, see `find_mass_box`; it is measured on the mask, so only where the truth is known.

    Attributes:
        area: area of the patch as a multiple of that of the mass's own box.
    """

    area: float

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return find_mass_box(image, area=self.area)._asdict()


@dataclass(frozen=True)
class CropToBreast(Crop):
    """Crop to the breast, see `find_breast_box`."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return find_breast_box(image)._asdict()


@dataclass(frozen=True)
class OrientLeft(Move):
    """Mirror the columns where that brings the chest wall to column 0; takes ``laterality`` from the metadata."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return {"flip": int(needs_flip(image, metadata.get("laterality")))}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return array[:, :, ::-1] if plan["flip"] else array

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return self.move(array, plan, mode=mode)

    def compute_matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return compute_flip_matrix(size[1]) if plan["flip"] else np.eye(3)


@dataclass(frozen=True)
class ResizeToGrid(Move):
    """Resample: by area where an image shrinks, by nearest neighbour for a mask, see `resize`.

    Attributes:
        spatial_size: rows and columns.
        keeps_aspect: fit into `spatial_size` and keep the proportions, instead of stretching.
    """

    spatial_size: tuple[int, int]
    keeps_aspect: bool = False

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        rows, columns = self.spatial_size
        if self.keeps_aspect:
            scale = min(rows / image.shape[0], columns / image.shape[1])
            rows, columns = (max(1, round(side * scale)) for side in image.shape)
        return {"rows": rows, "columns": columns}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return resize(array, (plan["rows"], plan["columns"]), mode=mode)

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return resize(array, size, mode=mode)

    def compute_matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return compute_resize_matrix(size, (plan["rows"], plan["columns"]))


@dataclass(frozen=True)
class PadToGrid(Move):
    """Pad at the bottom and the right: an image with its lowest value, a mask with 0, see `pad`.

    Attributes:
        spatial_size: rows and columns; None pads to a square.
    """

    spatial_size: tuple[int, int] | None = None

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        rows, columns = self.spatial_size or (max(image.shape), max(image.shape))
        return {"rows": rows, "columns": columns, "fill": float(image.min())}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return pad(array, (plan["rows"], plan["columns"]), fill=plan["fill"] if mode == "area" else 0.0)

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return crop(array, Box(0, 0, *size))

    def compute_matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return np.eye(3)


class Grey(ABC):
    """A change of grey values, channel by channel; geometry and masks stay."""

    @abstractmethod
    def change(self, channel: np.ndarray) -> np.ndarray:
        """Change one float32 channel ``(rows, columns)``."""


@dataclass(frozen=True)
class RemoveBackground(Grey):
    """Set everything outside the breast to background, see `remove_background`."""

    def change(self, channel: np.ndarray) -> np.ndarray:
        return remove_background(channel)


@dataclass(frozen=True)
class Clahe(Grey):
    """Equalise the histogram locally, see `apply_clahe`.

    Attributes:
        clip_limit: how far a histogram bin may rise above the mean bin.
    """

    clip_limit: float

    def change(self, channel: np.ndarray) -> np.ndarray:
        return apply_clahe(channel, clip_limit=self.clip_limit)


@dataclass(frozen=True)
class ScaleGrey(Grey):
    """Grey values to the range a network expects, see `scale_intensity`.

    Attributes:
        method: name of the method.
    """

    method: str

    def change(self, channel: np.ndarray) -> np.ndarray:
        return scale_intensity(channel, method=self.method)


def build_preprocessing_steps(
    *,
    spatial_size: Sequence[int],
    aspect: str,
    crop_border: bool,
    crop_to_breast: bool,
    orient_left: bool,
    remove_background: bool,
    clahe_clip_limit: float | None,
    intensity: str,
    crop_negligible: bool = False,
    patch_area: float | None = None,
) -> list[Move | Grey]:
    """The steps in their order; the arguments are all of `mammoseg.transforms.pipelines.build_film_preprocessing`.

    Those with a default are younger than some records, which lack them.

    Before them the image is read, after them its grey channel is repeated; `BESIDE` are the settings of that.

    Raises:
        WrongCallError: an unknown policy.

    Examples:
        >>> from mammoseg.transforms.functional.steps import build_preprocessing_steps
        >>> wanted = {"crop_to_breast": True, "orient_left": True, "remove_background": False, "crop_border": False}
        >>> steps = build_preprocessing_steps(
        ...     spatial_size=(8, 4), aspect="stretch", clahe_clip_limit=None, intensity="unit", **wanted
        ... )
        >>> [type(step).__name__ for step in steps]
        ['CropToBreast', 'OrientLeft', 'ResizeToGrid', 'ScaleGrey']
    """
    if aspect not in ASPECTS:
        raise make_unknown_name_error("aspect", aspect, ASPECTS)
    if intensity not in METHODS:
        raise make_unknown_name_error("intensity", intensity, METHODS)
    if patch_area is not None:
        if not 1 <= patch_area <= LARGEST_PATCH:
            raise WrongCallError(f"patch_area is {patch_area}; give a multiple of 1 to {LARGEST_PATCH:.0f} of the box.")
        if crop_border or crop_negligible or crop_to_breast or remove_background:
            raise WrongCallError(
                "a patch around a mass has no border, no breast and no background; with patch_area set crop_border, "
                "crop_negligible, crop_to_breast and remove_background to false."
            )
    rows, columns = (int(side) for side in spatial_size)
    size = (rows, columns)
    steps: list[tuple[bool, Move | Grey]] = [
        (crop_border, CropBorder()),
        (crop_negligible, CropNegligible()),
        (crop_to_breast, CropToBreast()),
        (orient_left, OrientLeft()),
        (patch_area is not None, CropToMass(patch_area or 1.0)),
        (True, ResizeToGrid(size, keeps_aspect=aspect == "pad")),
        (aspect == "pad", PadToGrid(size)),
        # From here on at the network's size: a hundred times fewer pixels, and the network sees the same.
        (remove_background, RemoveBackground()),
        (clahe_clip_limit is not None, Clahe(clahe_clip_limit or 0.0)),
        (True, ScaleGrey(intensity)),
    ]
    return [step for wanted, step in steps if wanted]
