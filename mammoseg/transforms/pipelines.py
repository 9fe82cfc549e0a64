"""The deterministic list that training, validation, inference and the label server share."""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from monai.data import MetaTensor
from monai.transforms import Compose, RepeatChanneld, Transform

from mammoseg.data.reader import MammogramReader, MaskReader
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.arrays import read_under
from mammoseg.transforms.clahe import Clahed
from mammoseg.transforms.crop_border import CropBorderd
from mammoseg.transforms.crop_negligible import CropNegligibled
from mammoseg.transforms.crop_to_breast import CropToBreastd
from mammoseg.transforms.crop_to_mass import CropToMassd
from mammoseg.transforms.functional.steps import (
    BESIDE,
    Clahe,
    CropBorder,
    CropNegligible,
    CropToBreast,
    CropToMass,
    Grey,
    Move,
    OrientLeft,
    PadToGrid,
    RemoveBackground,
    ResizeToGrid,
    ScaleGrey,
    build_preprocessing_steps,
)
from mammoseg.transforms.geometric import Geometricd
from mammoseg.transforms.load import LoadWithd
from mammoseg.transforms.orient_left import OrientLeftd
from mammoseg.transforms.pad import PadToGridd
from mammoseg.transforms.remove_background import RemoveBackgroundd
from mammoseg.transforms.resize import ResizeToGridd
from mammoseg.transforms.scale_intensity import ScaleGreyd
from mammoseg.transforms.settings import list_film_settings

FORMS: dict[type[Move | Grey], Callable[..., Transform]] = {
    CropBorder: CropBorderd,
    CropNegligible: CropNegligibled,
    CropToBreast: CropToBreastd,
    CropToMass: CropToMassd,
    OrientLeft: OrientLeftd,
    ResizeToGrid: ResizeToGridd,
    PadToGrid: PadToGridd,
    RemoveBackground: RemoveBackgroundd,
    Clahe: Clahed,
    ScaleGrey: ScaleGreyd,
}
"""Dictionary form of each step, which takes the settings of the step."""


class Preprocessing(Compose):
    """From a file, or a `Mammogram` read before, to the tensor a network sees, and back through MONAI's `Invertd`.

    Args:
        transforms: transforms in their order.
        settings: JSON values that decide the result, for hashes and checkpoints.
    """

    def __init__(self, transforms: Sequence[Transform], *, settings: dict[str, Any]) -> None:
        super().__init__(list(transforms))
        self.settings = settings

    def __call__(  # type: ignore[override]  # Compose breaks the signature of Transform already
        self, input_: Any, *args: Any, **options: Any
    ) -> Any:
        """Run the list; MONAI wraps every error in a RuntimeError, a refusal comes out of it.

        Raises:
            InputRefusedError: the image or the mask cannot be used.
        """
        try:
            return super().__call__(input_, *args, **options)
        except RuntimeError as error:
            if isinstance(error.__cause__, InputRefusedError):
                raise error.__cause__ from None
            raise

    def read(self, path: Path | str, *, modalities: Sequence[str] | None = None) -> Mammogram:
        """The mammogram that the list begins with.

        Args:
            modalities: DICOM modalities to let in; None for those of the settings.
        Raises:
            InputRefusedError: the file cannot be used.
        """
        return read_under(self.settings, path, modalities=modalities)

    def send_mask(self, mask: np.ndarray, image: MetaTensor) -> np.ndarray:
        """Bring a mask of the stored grid to the network's, by the moves that `image` has made.

        Args:
            mask: ``(1, rows, columns)``.
        """
        moves = {type(step).__name__: step for step in self.transforms if isinstance(step, Geometricd)}
        for traced in image.applied_operations:
            if step := moves.get(traced["class"]):
                mask = step.step.move(mask, traced["extra_info"]["plan"], mode="nearest")
        return mask


Settings = ParamSpec("Settings")


def takes(
    complete: Callable[Settings, dict[str, Any]],
) -> Callable[[Callable[[dict[str, Any]], Preprocessing]], Callable[Settings, Preprocessing]]:
    """Let a function that builds from complete settings take them by name, as `complete` does.

    Args:
        complete: a function of `mammoseg.transforms.settings`.
    """

    def decorate(build: Callable[[dict[str, Any]], Preprocessing]) -> Callable[Settings, Preprocessing]:
        @wraps(build)
        def complete_and_build(*args: Settings.args, **given: Settings.kwargs) -> Preprocessing:
            return build(complete(*args, **given))

        complete_and_build.__signature__ = signature(complete)  # type: ignore[attr-defined]
        return complete_and_build

    return decorate


@takes(list_film_settings)
def build_film_preprocessing(settings: dict[str, Any]) -> Preprocessing:
    """Build the list.

    An item is ``{"image": path}`` or ``{"image": path, "label": path}``. After it, ``image`` is a float32 MetaTensor
    ``(channels, rows, columns)`` and ``label`` one of 0 and 1, ``(1, rows, columns)``.

    Args:
        settings: complete; callers give them by name, see `mammoseg.transforms.settings.list_film_settings`.

    Raises:
        WrongCallError: an unknown policy.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.transforms.pipelines import build_film_preprocessing
        >>> record, *_ = generate_cohort(Path("phantoms"), patients=1, size=64)
        >>> prepare = build_film_preprocessing(spatial_size=(64, 32))
        >>> item = prepare({key: f"phantoms/{record[key]}" for key in ("image", "label")})
        >>> tuple(item["image"].shape), tuple(item["label"].shape)
        ((3, 64, 32), (1, 64, 32))
    """
    keys = settings["keys"]
    image, *labels = keys
    steps = build_preprocessing_steps(**{name: value for name, value in settings.items() if name not in BESIDE})
    transforms: list[Transform] = [
        LoadWithd(image, reader=MammogramReader(voi=settings["voi"], modalities=settings["modalities"]))
    ]
    if labels:
        transforms.append(LoadWithd(labels, reader=MaskReader(), like=image, allow_missing_keys=True))
    transforms += [FORMS[type(step)](keys if isinstance(step, Move) else image, **vars(step)) for step in steps]
    transforms.append(RepeatChanneld(image, repeats=settings["channels"]))
    return Preprocessing(transforms, settings=settings)
