"""What the network sees of a DICOM file is what it sees of a copy like those that weights are trained on."""

import numpy as np
import pytest

from tests.real_films import FILM, FILMS
from tests.transforms.training_copy import READINGS, Seen, see_all

FILE, WHOLE, COLLECTION = READINGS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

BASE_IS_BLACK = pytest.mark.xfail(
    strict=True,
    reason="black of the film is its base, the darkest of its box; that of the copy was blackened and lies below",
)


@pytest.fixture(scope="module")
def seen(shared_data, tmp_path_factory) -> dict[str, dict[str, Seen]]:
    """By file and reading."""
    return {name: see_all(name, shared_data, tmp_path_factory.mktemp("copies")) for name in FILMS}


def pairs(*, faulty: tuple[tuple[str, str], ...] = (), readings: tuple[str, ...] = READINGS) -> list:
    """All files with each reading; those of which a fault is known, so marked."""
    every = [(name, reading) for name in FILMS for reading in readings]
    return [pytest.param(*pair, marks=BASE_IS_BLACK if pair in faulty else ()) for pair in every]


@pytest.mark.parametrize(("name", "reading"), pairs())
def test_the_network_sees_the_box_of_the_breast(name, reading, seen):
    shown = seen[name][reading]
    assert shown.box == pytest.approx(shown.breast_box, abs=0.02)  # at most 0.015 measured


@pytest.mark.parametrize(("name", "reading"), pairs())
def test_the_network_sees_the_chest_wall_at_the_left(name, reading, seen):
    image = seen[name][reading].image
    tissue, tenth = image > image.min(), image.shape[1] // 10
    assert tissue[:, :tenth].mean() > tissue[:, -tenth:].mean() + 0.25  # 0.29 at least


@pytest.mark.parametrize(("name", "reading"), pairs(faulty=((FILM, COLLECTION),), readings=(WHOLE, COLLECTION)))
def test_the_network_sees_the_same_greys(name, reading, seen):
    of_file, of_copy = (np.quantile(seen[name][what].tissue, QUANTILES) for what in (FILE, reading))
    assert of_copy == pytest.approx(of_file, abs=0.06)  # 0.04 at most, where grey values go from -1.4 to 3


@pytest.mark.parametrize(("name", "reading"), pairs(readings=(WHOLE, COLLECTION)))
def test_the_network_sees_the_same_picture(name, reading, seen):
    of_file, of_copy = seen[name][FILE].image, seen[name][reading].image
    upright, mirrored = (np.corrcoef(copy.ravel(), of_file.ravel())[0, 1] for copy in (of_copy, of_copy[:, ::-1]))
    assert upright > 0.85 > 0.4 > mirrored  # 0.87 of the smallest file, which a copy blurs, and 0.985 of the others
