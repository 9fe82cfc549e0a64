"""The mask in a stranger's picture; runs in the child process of `mammoseg.data.decode_worker`."""

from collections.abc import Iterable

import numpy as np

from mammoseg.data.picture_decoder import Page, opened_pages
from mammoseg.errors import InputRefusedError
from mammoseg.mask_values import find_mass

FROM_ALPHA = "masks taken from the alpha channel"
FROM_COLOUR = "masks of one colour on black"
FROM_PAGES = "masks of several pages, fused"


def decode_picture_mask(content: bytes, *, max_pixels: int) -> tuple[np.ndarray, list[str]]:
    """The mask uint8 0 / 1 ``(rows, columns)``, its pages fused, and remarks on what was found in the picture.

    A palette counts by its indices. Where all colours are one and alpha differs, alpha is the mask.

    Raises:
        InputRefusedError: as `opened_pages`; ``E_MULTIFRAME`` for pages of several sizes, ``E_COLOUR``, ``E_ALPHA``.
    """
    with opened_pages(content, by_index=True, max_pixels=max_pixels) as pages:
        return _merge_pages(_find_mask_in_page(page) for page in pages)


def _merge_pages(pages: Iterable[tuple[np.ndarray, list[str]]]) -> tuple[np.ndarray, list[str]]:
    (mask, remarks), *others = pages
    for other, more in others:
        if other.shape != mask.shape:
            raise InputRefusedError("E_MULTIFRAME", "the pages of the mask have several sizes; save each as a file.")
        mask = mask | other
        remarks = [*remarks, *more]
    return mask, sorted({*remarks, *([FROM_PAGES] if others else [])})


def _find_mask_in_page(page: Page) -> tuple[np.ndarray, list[str]]:
    if page.alpha is None:
        return _find_mask_in_colours(page)
    is_visible, remarks = find_mass(page.alpha, is_lossy=page.is_lossy)
    if (page.channels == page.channels[0, 0]).all():
        return is_visible, [*remarks, FROM_ALPHA]
    mask, remarks = _find_mask_in_colours(page)
    if (mask & ~is_visible & 1).any():
        raise InputRefusedError("E_ALPHA", "colours and alpha channel are two masks; save the right one as grey.")
    return mask, remarks


def _find_mask_in_colours(page: Page) -> tuple[np.ndarray, list[str]]:
    grey = page.as_grey()
    if grey is not None:
        return find_mass(grey, is_lossy=page.is_lossy)
    is_coloured = page.channels.any(axis=2)
    if (page.channels[is_coloured] != page.channels[is_coloured][0]).any():
        raise InputRefusedError("E_COLOUR", "the mask is in several colours; save it as grey, with 0 and 255.")
    return is_coloured.astype(np.uint8), [FROM_COLOUR]
