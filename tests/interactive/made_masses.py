"""A film with two masses, for tests of what prompts do."""

import cv2
import numpy as np

from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.view import choose_square, make_square


def made_film(side: int = 160) -> tuple[np.ndarray, list[np.ndarray]]:
    """A breast at the left edge with a bright ellipse and a small bright disc: image 0 to 1, and their masks."""
    image = np.zeros((side, side), np.float32)
    cv2.ellipse(image, (0, side // 2), (130, 75), 0, 0, 360, (0.3,), -1)
    masses = []
    for centre, axes in (((50, 60), (24, 14)), ((70, 120), (7, 7))):
        mask = np.zeros((side, side), np.uint8)
        cv2.ellipse(mask, centre, axes, 0, 0, 360, (1,), -1)
        image[mask > 0] = 0.8
        masses.append(mask > 0)
    return image, masses


def bright_network(inputs: np.ndarray) -> np.ndarray:
    """Logits of a network that takes what is bright in a view for a mass."""
    return 8 * (inputs[:, :1] - 0.5)


def view_of(prompts: Prompts, *, grid: int = 64, breast_height: float = 150):
    """The square that prompts are looked at in."""
    centre, side = choose_square(prompts, breast_height=breast_height)
    return make_square(centre, side, grid=grid)
