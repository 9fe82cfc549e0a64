"""Dataset whose deterministic preprocessing is done once and kept on disk, shared by all bundles and runs."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from monai.data import Dataset, MetaTensor
from monai.transforms import Compose
from torch.utils.data import get_worker_info

from mammoseg import __version__
from mammoseg.data.one_a_mass import split_by_mass
from mammoseg.files import hash_file, hash_json
from mammoseg.transforms.cache_file import Packed, pack, read_packed, unpack, write_packed
from mammoseg.transforms.pipelines import Preprocessing

FILE_KEYS = ("image", "label")
"""Keys of a record that name files; what they hold after preprocessing is what the cache keeps."""

MEMORY_SHARE = 0.25
"""Share of the memory that is free when the first item is read; a set that takes no more of it is kept in memory."""


class CachedDataset(Dataset):
    """Preprocessed images and masks from the cache, with random transforms after it.

    A cache file is named by the content of the image and the mask and by the preprocessing settings, so bundles with
    the same settings share it, and a changed file or setting never meets an old one. It appears whole or not at all;
    a damaged one is made again. It keeps one grey channel, which is repeated when the item is read, rounded as
    `mammoseg.transforms.cache_file` says; without a cache values are the same. A set that fits (`MEMORY_SHARE`) is read
    from disk once; processes that load (``num_workers``) read the files each time.

    Where the preprocessing cuts patches around masses (``patch_area``), an item is a mass, not an image.

    Random transforms draw from (seed, epoch, index) alone, so what item 7 of epoch 3 looks like depends on neither the
    number of workers nor on whether the run was interrupted. An item carries that number as ``draw``, for what changes
    whole batches later (`mammoseg.training.batch_augmentation`).

    Args:
        data: records with absolute paths at ``image`` and ``label`` (`mammoseg.data.datalist.load_section`).
        preprocessing: the deterministic part.
        cache_dir: folder of the cache, made when needed; None keeps nothing.
        random_transforms: MONAI dictionary transforms, in order.
        seed: seed of the random transforms.
        traced: give MetaTensors that can be sent back to the file's grid; plain tensors cost less.
    Raises:
        WrongCallError: patches are cut, and the records have no mask of each mass.

    Examples:
        >>> from pathlib import Path
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.transforms.cached_dataset import CachedDataset
        >>> from mammoseg.transforms.pipelines import build_film_preprocessing
        >>> records = generate_cohort(Path("phantoms"), patients=1, size=64)
        >>> data = [{key: f"phantoms/{record[key]}" for key in ("image", "label")} for record in records]
        >>> dataset = CachedDataset(data, build_film_preprocessing(spatial_size=(32, 32)), cache_dir="cache")
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
        traced: bool = True,
    ) -> None:
        of_masses = preprocessing.settings.get("patch_area") is not None
        super().__init__(split_by_mass(data) if of_masses else data, Compose(random_transforms))
        self.preprocessing = preprocessing
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.seed = seed
        self.traced = traced
        self.epoch = 0
        self._held: dict[int, Packed] = {}
        self._fits: bool | None = None

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of the random transforms; call it before each epoch."""
        self.epoch = epoch

    def _transform(self, index: int) -> dict[str, Any]:
        record = self.data[index]
        item = {**record, **self._prepare(index, {key: record[key] for key in FILE_KEYS if key in record})}
        draw = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(1)[0]
        self.transform.set_random_state(seed=int(draw))
        changed = self.transform(item)
        if not self.traced:
            changed = {
                key: value.as_tensor() if isinstance(value, MetaTensor) else value for key, value in changed.items()
            }
        return changed | {"draw": int(draw)}

    def _prepare(self, index: int, files: dict[str, str]) -> dict[str, Any]:
        if (packed := self._held.get(index)) is None:
            packed = (
                pack(self.preprocessing(files)) if self.cache_dir is None else self._read_cached(self.cache_dir, files)
            )
            if self._holds(packed):
                self._held[index] = packed
        item = unpack(packed, traced=self.traced)
        if self.traced:
            for key, name in files.items():  # the same content may have had another name
                item[key].meta["filename_or_obj"] = str(name)
        return item

    def _read_cached(self, cache_dir: Path, files: dict[str, str]) -> Packed:
        path = cache_dir / f"{self._compute_cache_key(files)}.npz"
        size = tuple(self.preprocessing.settings["spatial_size"])
        was_there = path.exists()
        packed = read_packed(path, keys=tuple(files), size=size)
        if packed is None:
            packed = pack(self.preprocessing(files))
            write_packed(path, packed, first_stays=not was_there)  # one that was there is damaged
        return packed

    def _holds(self, packed: Packed) -> bool:
        """Whether items are kept in memory; decided on the first one."""
        if self.cache_dir is None or get_worker_info() is not None:
            return False
        if self._fits is None:
            whole = len(self.data) * sum(array.nbytes for array in packed.values())
            self._fits = whole <= MEMORY_SHARE * psutil.virtual_memory().available
        return self._fits

    def _compute_cache_key(self, files: dict[str, str]) -> str:
        content = {key: _hash_content(Path(name)) for key, name in files.items()}
        return hash_json([__version__, self.preprocessing.settings, content])


def _hash_content(path: Path) -> str:
    status = path.stat()
    return _hash_once(path, status.st_size, status.st_mtime_ns)


@cache
def _hash_once(path: Path, size: int, changed_ns: int) -> str:
    return hash_file(path)
