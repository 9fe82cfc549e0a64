"""The settings of each preprocessing, complete and in kinds that JSON has, as a file of weights records them.

Neither torch nor MONAI is needed; `mammoseg.transforms.arrays` runs those of mammograms without them too.
"""

from collections.abc import Sequence
from typing import Any

from mammoseg.dicom.own_voi import parse_own_voi
from mammoseg.errors import WrongCallError
from mammoseg.mammogram import MODALITIES
from mammoseg.transforms.functional.steps import BESIDE, build_preprocessing_steps


def list_film_settings(
    *,
    spatial_size: Sequence[int],
    channels: int = 3,
    aspect: str = "stretch",
    crop_border: bool = True,
    crop_to_breast: bool = True,
    orient_left: bool = True,
    remove_background: bool = True,
    clahe_clip_limit: float | None = None,
    intensity: str = "unit",
    crop_negligible: bool = False,
    patch_area: float | None = None,
    voi: str | int = "first",
    modalities: Sequence[str] = MODALITIES,
    keys: Sequence[str] = ("image", "label"),
) -> dict[str, Any]:
    """List the settings of `mammoseg.transforms.pipelines.build_film_preprocessing`.

    Args:
        spatial_size: rows and columns of the network's grid.
        channels: how often the grey channel is repeated.
        aspect: ``"stretch"`` to the grid, or ``"pad"``: keep the proportions and pad.
        crop_border: cut white film borders off.
        crop_to_breast: cut away rows and columns without breast.
        orient_left: turn the chest wall to column 0.
        remove_background: set film labels and all else outside the breast to the background value.
        clahe_clip_limit: equalise the histogram locally with this limit; None leaves it out.
        intensity: ``"unit"``, ``"percentile"``, ``"zscore"`` or ``"breast"``; see `scale_intensity`.
        crop_negligible: cut outer rows and columns off that are dark throughout.
        patch_area: cut a patch around the mass of ``label``: its box, enlarged to so many times its area; with it no
            other cut and no removal. None for whole films.
        voi: name of the grey-value function of a DICOM file to apply, or one in its place; see `read_mammogram`.
        modalities: DICOM modalities to let in.
        keys: the image's key, and the label's.

    Raises:
        WrongCallError: an unknown policy, no key, or a grey-value function without meaning.

    Examples:
        >>> from mammoseg.transforms.settings import list_film_settings
        >>> list_film_settings(spatial_size=(64, 32))["spatial_size"]
        [64, 32]
    """
    if not keys:
        raise WrongCallError("keys is empty; name the image's key, and the label's if there are labels.")
    if isinstance(voi, str) and voi not in ("first", "none"):
        parse_own_voi(voi)
    settings: dict[str, Any] = {
        "spatial_size": [int(side) for side in spatial_size],
        "channels": channels,
        "aspect": aspect,
        "crop_border": crop_border,
        "crop_to_breast": crop_to_breast,
        "orient_left": orient_left,
        "remove_background": remove_background,
        "clahe_clip_limit": clahe_clip_limit,
        "intensity": intensity,
        "crop_negligible": crop_negligible,
        "patch_area": patch_area,
        "voi": voi,
        "modalities": list(modalities),
        "keys": list(keys),
    }
    build_preprocessing_steps(**{name: value for name, value in settings.items() if name not in BESIDE})
    return settings


def list_photograph_settings(
    *, spatial_size: Sequence[int], value_range: Sequence[float] = (-1.0, 1.0)
) -> dict[str, Any]:
    """List the settings of `mammoseg.transforms.photographs.build_photograph_preprocessing`.

    Args:
        spatial_size: rows and columns of the network's grid.
        value_range: what 0 and 255 become; timm's BiT was trained with -1 and 1.
    """
    low, high = (float(value) for value in value_range)
    return {"spatial_size": [int(side) for side in spatial_size], "value_range": [low, high]}


def list_prompted_settings(*, spatial_size: Sequence[int], channels: int, frame: Sequence[int]) -> dict[str, Any]:
    """List the settings of `mammoseg.transforms.prompted.build_prompted_preprocessing`.

    Args:
        spatial_size: rows and columns of the network's grid.
        channels: one of the mammogram, the others of guidance.
        frame: rows and columns of the whole film that crops are cut from in training.
    """
    return {
        "spatial_size": [int(side) for side in spatial_size],
        "channels": channels,
        "frame": [int(side) for side in frame],
    }
