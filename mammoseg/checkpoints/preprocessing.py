"""The preprocessing that weights were trained under, as MONAI runs it; who predicts needs none of this."""

from collections.abc import Callable
from typing import Any

from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.checkpoints.recorded import find_settings_function
from mammoseg.transforms.arrays import with_own_voi
from mammoseg.transforms.photographs import build_photograph_preprocessing
from mammoseg.transforms.pipelines import Preprocessing, build_film_preprocessing
from mammoseg.transforms.prompted import build_prompted_preprocessing
from mammoseg.transforms.settings import list_film_settings, list_photograph_settings, list_prompted_settings

BUILDERS: dict[Callable[..., dict[str, Any]], Callable[..., Preprocessing]] = {
    list_film_settings: build_film_preprocessing,
    list_photograph_settings: build_photograph_preprocessing,
    list_prompted_settings: build_prompted_preprocessing,
}
"""What builds from the settings that each of these lists."""


def build_preprocessing(weights: WeightsRecord, *, voi: str | int | None = None, **changes: Any) -> Preprocessing:
    """Build the preprocessing that a checkpoint records; `changes` are settings that a person gives instead.

    Args:
        voi: grey-value function of the datalist at hand, see `with_own_voi`.
    """
    settings = with_own_voi(weights.preprocessing, voi) | changes
    return BUILDERS[find_settings_function(settings)](**settings)
