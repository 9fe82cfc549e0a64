"""The patch around a mass whose outline is known (Sun et al. 2020: its box, enlarged to 1.2 of its area)."""

import numpy as np

from mammoseg.errors import InputRefusedError
from mammoseg.transforms.functional.breast import find_bounding_box
from mammoseg.transforms.functional.geometry import Box


def find_mass_box(mask: np.ndarray, *, area: float) -> Box:
    """The tight box of a mask ``(rows, columns)``, enlarged around its centre to `area` times its own area.

    Each side grows by the square root of that, to the nearest pixel; what would lie outside of the image is cut off.

    Raises:
        InputRefusedError: ``E_NO_MASS``, the mask is empty.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.transforms.functional.crop_to_mass import find_mass_box
        >>> mask = np.zeros((100, 100), np.uint8)
        >>> mask[40:60, 10:50] = 1  # 20 x 40, and 22 x 44 have 1.21 times the area
        >>> find_mass_box(mask, area=1.21)
        Box(top=39, left=8, height=22, width=44)
    """
    if not mask.any():
        raise InputRefusedError("E_NO_MASS", "its mask has no mass that a patch could lie around.")
    tight = find_bounding_box(mask > 0, (mask.shape[0], mask.shape[1]))
    top, bottom = _widen(tight.top, tight.height, area**0.5, mask.shape[0])
    left, right = _widen(tight.left, tight.width, area**0.5, mask.shape[1])
    return Box(top, left, bottom - top, right - left)


def _widen(start: int, length: int, factor: float, limit: int) -> tuple[int, int]:
    more = (factor - 1) * length / 2
    return max(0, round(start - more)), min(limit, round(start + length + more))
