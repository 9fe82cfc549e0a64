"""CSAW-S in its own layout: a folder a patient, one PNG a class, a test part with three annotators."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.ingest import ingest
from mammoseg.data.mask_files import RESAMPLED
from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from tests.data.ingested import read_ingested

SHAPE = (60, 40)


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


def square(*, at, side=5):
    mask = np.zeros(SHAPE, np.uint8)
    mask[at[0] : at[0] + side, at[1] : at[1] + side] = 255
    return mask


def film():
    return np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.fixture
def root(tmp_path) -> Path:
    """Three patients to train with, of whom the first has two images; one test patient whom three have annotated."""
    root = tmp_path / "CsawS"
    for name in ("000_0", "000_11", "001_0", "002_0"):
        folder = root / "anonymized_dataset" / name[:3]
        write(folder / f"{name}.png", film())
        write(folder / f"{name}_cancer.png", square(at=(10, 10)))
        write(folder / f"{name}_pectoral_muscle.png", square(at=(0, 0), side=20))
    write(root / "test_data" / "anonymized_dataset" / "100" / "100_2.png", film())
    for annotator, row in enumerate((20, 20, 23), start=1):
        write(root / "test_data" / f"annotator_{annotator}" / "100" / "100_2_cancer.png", square(at=(row, 10)))
    return root


def ingested(root: Path, output: Path) -> tuple[dict[str, dict], dict]:
    """Records by image_id, each with its section, and the report."""
    ingest("csaw_s", str(root), output=str(output))
    return read_ingested(output)


def test_cancer_is_the_label_and_the_folder_is_the_patient(root, tmp_path):
    records, report = ingested(root, tmp_path / "out")
    assert set(records) == {"000_0", "000_11", "001_0", "002_0", "100_2"}
    assert (read_mask(tmp_path / "out" / records["000_11"]["label"]) == (square(at=(10, 10)) > 0)).all()
    assert records["000_0"]["patient_id"] == records["000_11"]["patient_id"] == "000"
    assert records["100_2"]["section"] == "test"
    assert report["skipped"] == {}


def test_what_two_of_three_annotators_marked_is_mass(root, tmp_path):
    records, report = ingested(root, tmp_path / "out")
    assert (read_mask(tmp_path / "out" / records["100_2"]["label"]) == (square(at=(20, 10)) > 0)).all()
    assert report["noted"] == {
        "masks of annotators who differ, decided by most of them": ["test_data/anonymized_dataset/100/100_2.png"]
    }


def test_a_mask_of_another_size_is_resampled_and_counted(root, tmp_path):
    folder = root / "anonymized_dataset" / "000"
    write(folder / "000_0_cancer.png", square(at=(10, 10))[::2, ::2])
    records, report = ingested(root, tmp_path / "out")
    assert read_mask(tmp_path / "out" / records["000_0"]["label"]).shape == SHAPE
    assert report["noted"][RESAMPLED] == ["anonymized_dataset/000/000_0.png"]


def test_the_grey_copy_of_a_coloured_image_is_taken(root, tmp_path):
    folder = root / "anonymized_dataset" / "001"
    write(folder / "001_0.png", np.dstack([film(), film() // 2, film()]))
    write(folder / "001_0_8bit.png", film())
    records, _ = ingested(root, tmp_path / "out")
    assert records["001_0"]["image"].endswith("001/001_0_8bit.png")


def test_images_without_mask_or_with_a_cut_one_are_counted_and_the_others_used(root, tmp_path):
    folder = root / "anonymized_dataset"
    write(folder / "003" / "003_0.png", film())
    write(folder / "004" / "004_0.png", film())
    cut = write(folder / "004" / "004_0_cancer.png", square(at=(10, 10)))
    cut.write_bytes(cut.read_bytes()[:60])
    records, report = ingested(root, tmp_path / "out")
    assert len(records) == 5
    (missing,), (damaged,) = report["skipped"]["E_MASK_MISSING"], report["skipped"]["E_TRUNCATED"]
    assert missing == "anonymized_dataset/003/003_0.png: there is no 003_0_cancer.png of it."
    assert damaged.startswith("anonymized_dataset/004/004_0.png: its mask anonymized_dataset/004_0_cancer.png: ")


def test_another_folder_is_a_wrong_call(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(WrongCallError, match="has no folder 'anonymized_dataset'"):
        ingest("csaw_s", str(tmp_path / "in"), output=str(tmp_path / "out"))
