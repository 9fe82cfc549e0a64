"""Dataset whose deterministic preprocessing is done once and kept on disk, shared by all bundles and runs."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import Dataset
from monai.transforms import Compose

from mammoseg import __version__
from mammoseg.files import atomic_path, sha256_of_file, sha256_of_json
from mammoseg.transforms.pipelines import Preprocessing

FILE_KEYS = ("image", "label")
"""Keys of a record that name files; what they hold after preprocessing is what the cache keeps."""


class CachedDataset(Dataset):
    """Preprocessed images and masks from the cache, with random transforms after it.

    A cache file is named by the content of the image and the mask and by the preprocessing settings, so bundles with
    the same settings share it, and a changed file or setting never meets an old one. It appears whole or not at all;
    a damaged one is made again. Random transforms draw from (seed, epoch, index) alone, so what item 7 of epoch 3 looks
    like depends on neither the number of workers nor on whether the run was interrupted. An item carries that number as
    ``draw``, for what changes whole batches later (`mammoseg.training.batch_augmentation`).

    Args:
        data: records with absolute paths at ``image`` and ``label`` (`mammoseg.data.datalist.load_section`).
        preprocessing: the deterministic part.
        cache_dir: folder of the cache, made when needed; None keeps nothing.
        random_transforms: MONAI dictionary transforms, in order.
        seed: seed of the random transforms.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.transforms.cached_dataset import CachedDataset
        >>> from mammoseg.transforms.pipelines import preprocessing
        >>> records = generate_cohort(Path("phantoms"), patients=1, size=64)
        >>> data = [{key: f"phantoms/{record[key]}" for key in ("image", "label")} for record in records]
        >>> dataset = CachedDataset(data, preprocessing(spatial_size=(32, 32)), cache_dir="cache")
        >>> [tuple(item["image"].shape) for item in dataset]
        [(3, 32, 32), (3, 32, 32)]
        >>> len(list(Path("cache").iterdir()))
        2
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        preprocessing: Preprocessing,
        *,
        cache_dir: Path | str | None,
        random_transforms: Sequence[Callable] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(data, Compose(random_transforms))
        self.preprocessing = preprocessing
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of the random transforms; call it before each epoch."""
        self.epoch = epoch

    def _transform(self, index: int) -> dict[str, Any]:
        record = self.data[index]
        item = {**record, **self._preprocessed({key: record[key] for key in FILE_KEYS if key in record})}
        draw = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(1)[0]
        self.transform.set_random_state(seed=int(draw))
        return self.transform(item) | {"draw": int(draw)}

    def _preprocessed(self, files: dict[str, str]) -> dict[str, Any]:
        if self.cache_dir is None:
            return self.preprocessing(files)
        path = self.cache_dir / f"{self._cache_key(files)}.pt"
        if path.is_file():
            if (item := self._cached(path, files)) is not None:
                return item
            path.unlink(missing_ok=True)
        item = self.preprocessing(files)
        with atomic_path(path) as temporary:
            torch.save(item, temporary)
        return item

    def _cached(self, path: Path, files: dict[str, str]) -> dict[str, Any] | None:
        """What a cache file holds; None where it is damaged, or of no use for these files."""
        try:
            item = torch.load(path, weights_only=True)
        except Exception:  # a damaged file makes torch raise anything
            return None
        size = tuple(self.preprocessing.settings["spatial_size"])
        is_item = isinstance(item, dict) and item.keys() == files.keys()
        fits = is_item and all(torch.is_tensor(image) and image.shape[1:] == size for image in item.values())
        return item if fits else None

    def _cache_key(self, files: dict[str, str]) -> str:
        content = {key: _content_hash(Path(name)) for key, name in files.items()}
        return sha256_of_json([__version__, self.preprocessing.settings, content])


def _content_hash(path: Path) -> str:
    status = path.stat()
    return _hash_once(path, status.st_size, status.st_mtime_ns)


@cache
def _hash_once(path: Path, size: int, changed_ns: int) -> str:
    return sha256_of_file(path)
