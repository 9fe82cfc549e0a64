"""What models without weights share: a close-up around the prompts, and the last word of every click."""

from abc import ABC, abstractmethod
from importlib import metadata

import numpy as np

from mammoseg.interactive.clicks import list_pixels, without_clicked_out
from mammoseg.interactive.close_up import CloseUp, make_close_up
from mammoseg.interactive.prompts import Prompts


class GreyModel(ABC):
    """Outlines a mass by its grey values alone. See `mammoseg.interactive.model.InteractiveModel`.

    Attributes:
        name: name under which it is served.
        version: version of the library that computes.
    """

    name: str
    version = f"scikit-image {metadata.version('scikit-image')}"

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """The image ``(rows, columns)`` itself; only the surroundings of prompts are ever computed on."""
        return image

    def segment(self, prepared: np.ndarray, prompts: Prompts) -> np.ndarray:
        """The mass that the prompts mean: bool ``(rows, columns)``."""
        view = make_close_up(prepared, prompts)
        mask = view.enlarge(self.outline(view, prompts, prepared.shape), prepared.shape)
        mask[tuple(list_pixels(prompts.foreground, prompts.inside, prepared.shape).T)] = True
        return without_clicked_out(mask, prompts)

    @abstractmethod
    def outline(self, view: CloseUp, prompts: Prompts, shape: tuple[int, ...]) -> np.ndarray:
        """The mass on the grid of a close-up: bool, or a chance from 0 to 1, of its shape.

        Args:
            view: part of the image around the prompts.
            prompts: checked prompts of the image.
            shape: rows and columns of the image.
        """
