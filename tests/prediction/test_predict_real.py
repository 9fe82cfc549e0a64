"""The first command of a newcomer: `predict` with the shipped weights on real mammograms."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.weights_file import SHIPPED, choose_default_bundle
from mammoseg.files import hash_file
from mammoseg.prediction.predict import predict
from tests.prediction.outputs import rows_of
from tests.real_films import FILM, FILMS, draw_area

pytestmark = pytest.mark.slow

DIGITAL = [name for name in FILMS if name != FILM]


@pytest.fixture(scope="module")
def predicted(shared_data, tmp_path_factory):
    """By file, its row of the table and where its masses are: bool ``(rows, columns)``."""
    output = tmp_path_factory.mktemp("real") / "out"
    with pytest.MonkeyPatch.context() as fresh_clone:
        fresh_clone.setattr("mammoseg.checkpoints.weights_file.locate_runs", lambda bundle: str(output))
        predict(shared_data / "dicom_mg", output=output, modalities=("MG", "RG"))
    rows = {row["file"]: row for row in rows_of(output)}
    found = {name: rows.pop(str(shared_data / "dicom_mg" / name)) for name in FILMS}
    assert not rows
    return {name: (row, read_mask(output / row["segmentation"])) for name, row in found.items()}


def read_mask(path) -> np.ndarray:
    segments = pydicom.dcmread(path).pixel_array
    return segments.reshape(-1, *segments.shape[-2:]).any(axis=0)


def test_the_mass_of_the_film_is_marked_where_a_person_sees_it(predicted):
    row, mask = predicted[FILM]
    mass = draw_area(FILMS[FILM].mass, mask.shape)
    assert row["status"] == "mass found" and 1 <= int(row["lesions"]) <= 2
    assert (mask & mass).sum() > 0.8 * mask.sum()
    assert (mask & mass).sum() > 0.2 * mass.sum()  # 0.36 of the box on 2026-11-29


@pytest.mark.parametrize("name", DIGITAL)
def test_nothing_absurd_is_marked_on_a_digital_mammogram(name, predicted):
    row, mask = predicted[name]
    breast = draw_area(FILMS[name].breast, mask.shape)
    assert row["status"] in ("mass found", "no mass found") and int(row["lesions"]) <= 2
    assert not (mask & ~breast).any()
    assert mask.sum() < 0.02 * breast.sum()  # 0.006 and 0 on 2026-11-29


@pytest.mark.parametrize("name", FILMS)
def test_each_row_says_which_weights_it_is_of(name, predicted):
    row, _ = predicted[name]
    weights = Path(locate_bundle(choose_default_bundle())) / "models" / SHIPPED
    assert (row["weights_file"], row["weights_sha256"]) == (SHIPPED, hash_file(weights))
    assert row["trained_on"] == "cbis_ddsm"
