"""What a network that takes prompts is recorded with: its grid and channels, and how it sees a file nobody prompts."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import MapTransform

from mammoseg.transforms.pipelines import Preprocessing, build_film_preprocessing, takes
from mammoseg.transforms.settings import list_prompted_settings


class NoPromptsd(MapTransform):
    """Append channels of guidance that say nothing.

    Args:
        guidance: number of channels, all 0.
    """

    def __init__(self, keys: Any = "image", *, guidance: int) -> None:
        super().__init__(keys)
        self.guidance = guidance

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            silent = torch.zeros_like(d[key][:1]).repeat(self.guidance, 1, 1)
            d[key] = torch.cat([d[key], silent])
        return d


def build_whole_film(frame: Sequence[int]) -> Preprocessing:
    """Films as crops are cut from them: all of the film, 0 to 1, padded to `frame` (rows, columns), not stretched."""
    return build_film_preprocessing(
        spatial_size=frame,
        channels=1,
        aspect="pad",
        crop_border=False,
        crop_to_breast=False,
        orient_left=False,
        remove_background=False,
        intensity="unit",
    )


@takes(list_prompted_settings)
def build_prompted_preprocessing(settings: dict[str, Any]) -> Preprocessing:
    """Build the list for a whole file without prompts; crops around prompts are made by `mammoseg.interactive`.

    An item is ``{"image": path}`` or ``{"image": path, "label": path}``. After it, ``image`` is a float32 MetaTensor
    ``(channels, rows, columns)``, the mammogram and guidance of zeros, and ``label`` one of 0 and 1.

    Args:
        settings: complete; callers give them by name, see `mammoseg.transforms.settings.list_prompted_settings`.
    """
    guidance = NoPromptsd(guidance=settings["channels"] - 1)
    return Preprocessing([*build_whole_film(settings["spatial_size"]).transforms, guidance], settings=settings)
