"""Side and view of an image, and the other images of the same woman's breasts, so that they can hang side by side."""

import re
from dataclasses import dataclass
from pathlib import Path

from mammoseg.data.mammogram import detect_file_format
from mammoseg.dicom.attributes import read_laterality, read_view
from mammoseg.dicom.read import read_header
from mammoseg.errors import InputRefusedError
from monailabel_app.lib.datastore.index import ImageRow
from monailabel_app.lib.datastore.mammograms import MammogramDatastore

SIDES = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
PROJECTIONS = ("CC", "MLO")

MOST_BESIDE = 8
"""Views that are looked into for one image; a usual study has four."""


@dataclass(frozen=True)
class FilmView:
    """What one image shows.

    Attributes:
        side: ``"L"``, ``"R"``, or None where nothing says it.
        view: ``"CC"``, ``"MLO"``, ..., likewise.
    """

    image: str
    side: str | None
    view: str | None


def parse_view(image_id: str) -> tuple[FilmView, str]:
    """What the name of a picture says, as ``P_00001_LEFT_CC`` does, and the rest of it, which its other views share.

    Examples:
        >>> from monailabel_app.lib.datastore.views import parse_view
        >>> parse_view("P_00001_LEFT_CC")
        (FilmView(image='P_00001_LEFT_CC', side='L', view='CC'), 'P 00001')
    """
    words = re.split(r"[^A-Za-z0-9]+", image_id)
    side = next((SIDES[word.upper()] for word in words if word.upper() in SIDES), None)
    projection = next((word.upper() for word in words if word.upper() in PROJECTIONS), None)
    rest = " ".join(word for word in words if word.upper() not in (*SIDES, *PROJECTIONS))
    return FilmView(image_id, side, projection), rest


def find_view(store: MammogramDatastore, image: ImageRow) -> FilmView:
    """Side and view of an image: by the header of DICOM, by the name of another file.

    Raises:
        InputRefusedError: the file cannot be read.
        ArchiveError: it is not at hand and the archive does not give it.
    """
    path = store.locate_image(image)
    return _read_film_view(path, image) if detect_file_format(path) == "DICOM" else parse_view(image.image_id)[0]


def list_views_beside(store: MammogramDatastore, image: ImageRow) -> list[FilmView]:
    """The other images of a study, or of pictures whose names differ in side and view alone; at most `MOST_BESIDE`.

    One that cannot be read is left out.
    """
    found = []
    for other in _list_others(store, image)[:MOST_BESIDE]:
        try:
            found.append(find_view(store, other))
        except InputRefusedError:
            continue
    return found


def _list_others(store: MammogramDatastore, image: ImageRow) -> list[ImageRow]:
    if image.study:
        rows = store.index.list_images_of_study(image.study)
    else:
        rest = parse_view(image.image_id)[1]
        ids = [other for other in store.index.list_image_ids() if rest and parse_view(other)[1] == rest]
        rows = [row for row in map(store.index.get_image, ids) if row and not row.study]
    return [row for row in rows if row.image_id != image.image_id]


def _read_film_view(path: Path, image: ImageRow) -> FilmView:
    header = read_header(path)
    return FilmView(image.image_id, read_laterality(header), read_view(header))
