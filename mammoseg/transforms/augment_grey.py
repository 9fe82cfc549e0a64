"""Random transforms stated for 8-bit grey images, whatever normalisation the image has."""

from collections.abc import Callable, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import Compose
from monai.utils import ensure_tuple


class AugmentGreyd(Compose):
    """Runs transforms on one grey channel of 0 to 1, then restores the image's range and its repeated channels.

    The lowest value, background, is 0 in between, so filling with zeros fills with background. What the transforms
    push out of 0 to 1 is cut there, as 8-bit images do.

    Args:
        keys: images whose channels are all the same; other keys (masks) reach the transforms unchanged.
        transforms: MONAI dictionary transforms, in order.
    Shape:
        image ``(channels, H, W)``; returns ``(channels, H', W')`` as the transforms change it.
    """

    def __init__(self, keys: KeysCollection, transforms: Sequence[Callable]) -> None:
        super().__init__(list(transforms))
        self.keys = ensure_tuple(keys)

    def __call__(  # type: ignore[override]  # Compose breaks the signature of Transform already
        self, input_: Any, *args: Any, **options: Any
    ) -> Any:
        """Run the list on the dictionary `input_`."""
        item = dict(input_)
        before = {key: (len(item[key]), item[key].min(), item[key].max()) for key in self.keys}
        for key, (_, low, high) in before.items():
            item[key] = (item[key][:1] - low) / (high - low).clamp_min(1e-6)
        item = dict(super().__call__(item, *args, **options))
        for key, (channels, low, high) in before.items():
            item[key] = (item[key].clamp(0, 1) * (high - low) + low).repeat(channels, 1, 1)
        return item
