"""What an interactive model is: an image is prepared once, prompts are answered often."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .prompts import Prompts


class InteractiveModel(Protocol):
    """A model that outlines one mass from prompts.

    Attributes:
        name: the name under which it is served and stored in DICOM.
    """

    name: str

    def prepare(self, image: np.ndarray) -> Any:
        """What is computed once for an image and kept between requests (the label server holds it in a cache).

        Args:
            image: (rows, columns) float32 grey values in 0 .. 1 as displayed (after VOI, MONOCHROME2), full size.
        """
        ...

    def segment(self, prepared: Any, prompts: Prompts) -> np.ndarray:
        """The mass that the prompts mean.

        Args:
            prepared: what `prepare` returned for this image.
            prompts: checked prompts of this image.

        Returns:
            (rows, columns) bool mask on the grid of the image. No pixel of a click or stroke outside is in it, nor the
            connected part within 5 mm (or 10 pixels, where spacing is unknown) of such a click.
        """
        ...
