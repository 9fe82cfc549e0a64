"""Load a file with one reader and no other.

MONAI's LoadImaged tries its own readers when the given one refuses, so a refused file (tomosynthesis, another modality)
would come in all the same, through ITK.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor
from monai.transforms import MapTransform
from monai.utils import MetaKeys

from mammoseg.errors import InputRefusedError
from mammoseg.files import as_printable


class LoadWithd(MapTransform):
    """Replace a path, or a `Mammogram` read before, by a MetaTensor ``(1, rows, columns)``.

    Args:
        reader: reader such as `MammogramReader` or `MaskReader`.
        like: key, loaded before, whose rows and columns these must have; None for none.
        allow_missing_keys: keys may be absent.

    Raises:
        InputRefusedError: the reader refuses the file, or ``E_SHAPE``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        reader: ImageReader,
        like: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.reader = reader
        self.like = like

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            try:
                pixels, metadata = self.reader.get_data(self.reader.read(d[key]))
                if self.like is not None and pixels.shape != d[self.like].shape[1:]:
                    found, wanted = (" x ".join(map(str, shape)) for shape in (pixels.shape, d[self.like].shape[1:]))
                    raise InputRefusedError("E_SHAPE", f"it is {found}, its {self.like} {wanted}; ingest it again.")
            except InputRefusedError as error:
                raise InputRefusedError(error.code, f"{as_printable(Path(str(d[key])))}: {error.reason}") from error
            affine = torch.as_tensor(metadata.pop(MetaKeys.AFFINE.value))
            metadata["filename_or_obj"] = str(d[key])
            d[key] = MetaTensor(torch.as_tensor(pixels)[None], affine=affine, meta=metadata, spatial_ndim=2)
        return d
