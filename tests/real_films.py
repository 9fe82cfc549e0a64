"""What a person sees on the three real DICOM files of ../shared/data/dicom_mg, which come without masks."""

from dataclasses import dataclass

import cv2
import numpy as np

Corners = tuple[tuple[int, int], ...]
"""Corners of an area as (column, row), in thousandths of the image's sides."""


@dataclass(frozen=True)
class Film:
    """What is seen on one file; all by eye.

    Attributes:
        breast: corners of the breast, a little outside of the skin.
        mass: corners around the mass; none where nobody said that there is one.
        frame: share of each side that holds the light frame of a scanned film.
    """

    breast: Corners
    mass: Corners = ()
    frame: float = 0.0


FILM = "MG1_J2KI_film_MLO_12bit.dcm"
"""The one of them that is scanned film."""

FILMS = {
    FILM: Film(
        (
            *((0, 0), (503, 0), (487, 88), (477, 164), (482, 263), (557, 367), (632, 465), (675, 570)),
            *((678, 717), (608, 767), (558, 838), (475, 915), (355, 959), (217, 975), (117, 982), (0, 982)),
        ),
        mass=((240, 310), (455, 310), (455, 490), (240, 490)),
        frame=0.02,
    ),
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm": Film(
        (
            *((1000, 0), (726, 0), (706, 42), (692, 115), (666, 167), (613, 224), (559, 281), (519, 344), (493, 417)),
            *((482, 490), (490, 562), (522, 641), (579, 693), (652, 719), (746, 731), (866, 738), (1000, 738)),
        )
    ),
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm": Film(
        (
            *((0, 422), (59, 392), (93, 368), (112, 310), (142, 294), (176, 317), (244, 307), (312, 286), (391, 273)),
            *((488, 281), (605, 314), (703, 355), (801, 420), (879, 510), (938, 600), (986, 690), (1000, 719)),
            *((1000, 1000), (0, 1000)),
        )
    ),
}
"""By name in the folder."""


def draw_area(corners: Corners, shape: tuple[int, ...]) -> np.ndarray:
    """An area on an image of `shape` (rows, columns): bool."""
    points = np.array(corners) / 1000 * shape[::-1]
    return cv2.fillPoly(np.zeros(shape, np.uint8), [points.round().astype(np.int32)], (1,)).astype(bool)
