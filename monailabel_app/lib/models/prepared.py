"""Images that interactive models looked at, decoded and prepared once; the longest unused go when memory is short."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.grid import Grid, read_grid
from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.inference.lesions import find_scale
from mammoseg.interactive.model import InteractiveModel
from mammoseg.transforms.functional.breast import find_recorded_breast

LOCKS = 16

Key = tuple[str, int, int]


@dataclass
class LookedAt:
    """One image.

    Attributes:
        image: float32 ``(rows, columns)``, 0 to 1 as displayed.
        breast: bool ``(rows, columns)``, where a mass can be.
        grid: where its pixels are.
        pixel_mm: mean of the sides of a pixel in the breast; None where the file does not say it honestly.
        prepared: what each model made of it, by its name.
    """

    image: np.ndarray
    breast: np.ndarray
    grid: Grid
    pixel_mm: float | None
    prepared: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, modalities: tuple[str, ...]) -> "LookedAt":
        """Decode a file.

        Raises:
            InputRefusedError: it cannot be used.
        """
        with no_header_values_in_warnings():
            mammogram = read_mammogram(path, modalities=modalities)
            grid = read_grid(path)
        low, high = mammogram.value_range
        image = np.clip((mammogram.pixels - low) / (high - low), 0, 1, dtype=np.float32)
        scale = find_scale(mammogram)
        pixel_mm = None if scale is None else (scale.row_mm + scale.column_mm) / 2
        return cls(image, find_recorded_breast(mammogram), grid, pixel_mm)

    def prepare_for(self, model: InteractiveModel) -> Any:
        """What the model made of the image, made now unless it was before."""
        if model.name not in self.prepared:
            self.prepared[model.name] = model.prepare(self.image)
        return self.prepared[model.name]

    @property
    def size_bytes(self) -> int:
        """Of all arrays that are held, each counted once."""
        held = _collect_arrays([self.image, self.breast, self.prepared])
        return sum({id(array): array.nbytes for array in held}.values())


class LookedAtImages:
    """The images that were looked at last.

    Args:
        most_bytes: most bytes that they may take; one larger image is held as long as its request lasts.
        modalities: DICOM modalities to let in.
    """

    def __init__(self, most_bytes: int, modalities: tuple[str, ...]) -> None:
        self._most_bytes = most_bytes
        self._modalities = modalities
        self._held: OrderedDict[Key, LookedAt] = OrderedDict()
        self._changing = threading.Lock()
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def use(self, path: Path, model: InteractiveModel, outline: Callable[[LookedAt, Any], Any]) -> Any:
        """What `outline` returns for the image in a file and what the model made of it; requests at once prepare once.

        Raises:
            InputRefusedError: the file cannot be used.
        """
        state = path.stat()
        key = (str(path), state.st_mtime_ns, state.st_size)
        with self._locks[hash(key) % LOCKS]:
            looked = self._held.get(key) or LookedAt.read(path, self._modalities)
            prepared = looked.prepare_for(model)
        self._keep(key, looked)
        return outline(looked, prepared)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size_bytes(self) -> int:
        """Of all images that are held."""
        return sum(looked.size_bytes for looked in list(self._held.values()))

    def _keep(self, key: Key, looked: LookedAt) -> None:
        with self._changing:
            self._held[key] = looked
            self._held.move_to_end(key)
            while self._held and self.size_bytes > self._most_bytes:
                self._held.popitem(last=False)


def _collect_arrays(value: Any) -> Iterator[Any]:
    """All arrays and tensors in nested containers and records."""
    if hasattr(value, "nbytes"):
        yield value
    elif isinstance(value, dict):
        yield from _collect_arrays(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _collect_arrays(part)
    elif hasattr(value, "__dict__"):
        yield from _collect_arrays(vars(value))
