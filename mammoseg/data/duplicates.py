"""Two files of one run that claim to be the same image and are not."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mammoseg.data.mammogram import Mammogram
from mammoseg.errors import InputRefusedError
from mammoseg.files import printable


@dataclass
class SeenInstances:
    """The SOP Instance UIDs of one run. A result refers to its source by that UID alone, so it must mean one image."""

    _first: dict[str, tuple[int, Path]] = field(default_factory=dict)

    def admit(self, mammogram: Mammogram) -> None:
        """Let a mammogram in, unless its UID stood on other pixels before; a copy is let in.

        Raises:
            InputRefusedError: ``E_DUPLICATE_UID``.
        """
        if mammogram.sop_instance_uid is None:
            return
        checksum = zlib.crc32(np.ascontiguousarray(mammogram.pixels).data)
        known, path = self._first.setdefault(mammogram.sop_instance_uid, (checksum, mammogram.path))
        if known != checksum:
            reason = f"{printable(path)} has the same SOP Instance UID and other pixels; find out which one is right."
            raise InputRefusedError("E_DUPLICATE_UID", reason)
