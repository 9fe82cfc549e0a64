"""Preprocessing and its way back on numpy arrays, without torch and MONAI: what an engine is given, and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.own_voi import is_own_voi
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.mammogram import MODALITIES, Mammogram
from mammoseg.transforms.functional.geometry import Box, uncrop
from mammoseg.transforms.functional.steps import BESIDE, CropToMass, Grey, Move, Plan, build_preprocessing_steps

ONLY_PATCHES = (
    "these weights were trained on patches around known masses, so they find none in a whole film; score them with "
    "`mammoseg evaluate`, give their boxes to `mammoseg predict --boxes`, or name weights of whole films here."
)
"""Why settings with ``patch_area`` have no way from an image alone."""

NO_BOX = "these weights look at patches around masses, and no box says where one is; give a box around each."


def read_under(settings: Mapping[str, Any], path: Path | str, *, modalities: Sequence[str] | None = None) -> Mammogram:
    """Read a mammogram with the grey values that the settings of a preprocessing ask for.

    Args:
        modalities: DICOM modalities to let in; None for those of the settings.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    allowed = modalities or settings.get("modalities", MODALITIES)
    return read_mammogram(path, voi=choose_voi(settings), modalities=allowed)


def choose_voi(settings: Mapping[str, Any]) -> str | int:
    """Which VOI of a file the settings of a preprocessing ask for."""
    return settings.get("voi", "first")


def with_own_voi(settings: Mapping[str, Any], voi: str | int | None) -> dict[str, Any]:
    """Settings with `voi`, if that is a function of somebody's own and they ask for a file's; else as they are."""
    return {**settings, **({"voi": voi} if is_own_voi(voi) and settings.get("voi") == "first" else {})}


@dataclass(frozen=True)
class Moved:
    """One move that an image has made.

    Attributes:
        step: the move that was made.
        plan: what decided it.
        size: rows and columns before it.
    """

    step: Move
    plan: Plan
    size: tuple[int, int]


@dataclass(frozen=True)
class Prepared:
    """An image as a network sees it.

    Attributes:
        image: float32 ``(channels, rows, columns)``.
        moves: the moves from the stored grid to this one, in their order.
    """

    image: np.ndarray
    moves: tuple[Moved, ...]

    def move_back(self, values: np.ndarray) -> np.ndarray:
        """Send ``(rows, columns)`` of the network's grid to the stored one; what was cut off is 0.

        Values between pixels are interpolated, as MONAI's `Invertd` does with ``nearest_interp=False``.
        """
        array = values[None]
        for moved in reversed(self.moves):
            array = moved.step.move_back(array, moved.plan, size=moved.size, mode="area")
        return np.ascontiguousarray(array[0])


class ArrayPreprocessing:
    """The list of `mammoseg.transforms.pipelines.build_film_preprocessing` of the same settings, for images alone.

    Args:
        settings: those of a `Preprocessing`, as a checkpoint records them.

    Raises:
        WrongCallError: they are none of a mammogram's preprocessing.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.transforms.arrays import ArrayPreprocessing
        >>> record, *_ = generate_cohort(Path("phantoms"), patients=1, size=64)
        >>> from mammoseg.transforms.pipelines import build_film_preprocessing
        >>> prepare = ArrayPreprocessing(build_film_preprocessing(spatial_size=(64, 32)).settings)
        >>> prepared = prepare(prepare.read(f"phantoms/{record['image']}"))
        >>> prepared.image.shape, prepared.move_back(prepared.image[0]).shape
        ((3, 64, 32), (64, 51))
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self.channels: int = settings.get("channels", 3)
        try:
            self.steps = build_preprocessing_steps(**{name: settings[name] for name in settings.keys() - {*BESIDE}})
        except TypeError as error:
            raise WrongCallError("these settings are not those of a mammogram; name weights for masses.") from error

    @property
    def voi(self) -> str | int:
        """Which VOI of a file is read, see `mammoseg.data.mammogram.read_mammogram`."""
        return choose_voi(self.settings)

    @property
    def cuts_patches(self) -> bool:
        """Whether an image needs a box around a mass, which a patch is cut around."""
        return self.settings.get("patch_area") is not None

    def read(self, path: Path | str, *, modalities: Sequence[str] | None = None) -> Mammogram:
        """The mammogram that the list begins with; see `read_under`."""
        return read_under(self.settings, path, modalities=modalities)

    def __call__(self, mammogram: Mammogram, box: Box | None = None) -> Prepared:
        """Run the list.

        Args:
            box: box around a mass on the grid of the mammogram, where `cuts_patches`; it stands for the mask of the
                mass, which goes the same way in training.

        Raises:
            InputRefusedError: ``E_NO_BOX``, a patch is cut, and there is no box.
        """
        if self.cuts_patches and box is None:
            raise InputRefusedError("E_NO_BOX", NO_BOX)
        image, moves = mammogram.pixels[None], []
        mass = None if box is None else _draw(box, mammogram.pixels)
        for step in self.steps:
            if isinstance(step, Grey):
                image = np.stack([step.change(channel) for channel in image])
                continue
            measured = image if mass is None or not isinstance(step, CropToMass) else mass
            plan = step.measure(measured[0], {"laterality": mammogram.laterality})
            moves.append(Moved(step, plan, (image.shape[1], image.shape[2])))
            image = step.move(image, plan, mode="area")
            if mass is not None:
                mass = step.move(mass, plan, mode="nearest")
        return Prepared(np.repeat(image, self.channels, axis=0), tuple(moves))


def _draw(box: Box, image: np.ndarray) -> np.ndarray:
    """The box as a mask, uint8 ``(1, rows, columns)``, on the grid of the image."""
    return uncrop(np.ones((1, box.height, box.width), np.uint8), box, (image.shape[0], image.shape[1]))
