"""`monai.bundle run inferring` gives what `mammoseg predict` gives."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from monai.bundle import ConfigWorkflow

from mammoseg.bundles import locate_bundle
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import PartlyRefusedError
from mammoseg.inference.predictor import Predictor
from tests.label.bright_model import write_bright_weights
from tests.prediction.outputs import names_in, rows_of
from tests.run_predictor import run_predictor

SIZE = (64, 48)
BAND = 4
"""Columns of padding at the left of the DICOM file."""


def made_pixels() -> np.ndarray:
    """A breast with two masses, the first through the padding, and a bright film label beside it; 12 bits."""
    y, x = np.ogrid[: 2 * SIZE[0], : 2 * SIZE[1]]
    pixels = np.where(x < 70, 900, 0 * y)
    pixels[(y - 40) ** 2 + x**2 < 200] = 3800
    pixels[(y - 90) ** 2 + (x - 40) ** 2 < 100] = 3000
    pixels[10:24, 80:92] = 4000
    return pixels


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Images, output of `inferring`, output of `predict`, and the predictor."""
    root = tmp_path_factory.mktemp("both")
    weights = write_bright_weights(root / "models" / "model.pt", spatial_size=SIZE)
    (root / "images").mkdir()
    stored = made_pixels()
    stored[:, :BAND] = 4095
    write_mammogram(root / "images" / "1.2.3", stored, attributes={"PixelPaddingValue": 4095})
    cv2.imwrite(str(root / "images" / "b.png"), (made_pixels() * 16).astype(np.uint16))
    cv2.imwrite(str(root / "images" / "wide.png"), np.where(made_pixels() > 800, 60000, 0).astype(np.uint16))
    overrides = {
        "dataset_dir": str(root / "images"),
        "ckpt_dir": str(root / "models"),
        "output_dir": str(root / "inferred"),
        "device": "$torch.device('cpu')",
        "spatial_size": list(SIZE),
        "network_def::channels": [4, 8, 16],
        "preprocessing::crop_to_breast": False,
        "preprocessing::remove_background": False,
        "flips": True,
    }
    config = Path(locate_bundle("unet")) / "configs" / "inference.json"
    flow = ConfigWorkflow(str(config), workflow_type="infer", logging_file=False, run_id="inferring", **overrides)
    flow.initialize()
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("mammoseg").addHandler(handler)
    flow.run()
    logging.getLogger("mammoseg").removeHandler(handler)
    predictor = Predictor("unet", weights=weights, device="cpu", flips=True)
    with pytest.raises(PartlyRefusedError):
        run_predictor(predictor, [root / "images"], root / "predicted")
    return root, predictor, told


def mask_of(path: Path) -> np.ndarray:
    if path.suffix == ".png":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) > 0
    segments = pydicom.dcmread(path).pixel_array
    return segments.reshape(-1, *segments.shape[-2:]).any(axis=0)


@pytest.mark.parametrize(("image", "name"), [("1.2.3", "1.2.3.seg.dcm"), ("b.png", "b.mask.png")])
def test_inferring_finds_the_masses_that_predict_finds(both, image, name):
    root, predictor, _ = both
    inferred, predicted = mask_of(root / "inferred" / name), mask_of(root / "predicted" / name)
    is_clear = np.abs(predictor(root / "images" / image).probability - predictor.threshold) > 1e-3
    np.testing.assert_array_equal(inferred[is_clear], predicted[is_clear])
    assert is_clear.mean() > 0.99
    assert inferred[40, BAND + 2] and inferred[90, 40], "both masses"
    assert not inferred[:, 78:].any(), "the film label"


def test_padding_is_no_mass_for_either(both):
    root, *_ = both
    assert not mask_of(root / "inferred" / "1.2.3.seg.dcm")[:, :BAND].any()
    assert mask_of(root / "inferred" / "b.mask.png")[40, 0], "the same place where it is no padding"


def test_what_predict_refuses_inferring_writes_no_file_for_and_says_why(both):
    root, _, told = both
    (refused,) = [row for row in rows_of(root / "predicted") if row["status"] == "refused"]
    assert (Path(refused["file"]).name, refused["code"]) == ("wide.png", "E_TOO_LARGE")
    assert names_in(root / "inferred") == ["1.2.3.seg.dcm", "b.mask.png"]
    assert [line for line in told if line.endswith(f"wide.png: E_TOO_LARGE: {refused['reason']}")]


def test_both_say_with_the_same_words_what_drew_the_masses(both):
    root, *_ = both
    said = []
    for run in ("inferred", "predicted"):
        (segment,) = pydicom.dcmread(root / run / "1.2.3.seg.dcm").SegmentSequence[:1]
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        said.append((algorithm.AlgorithmName, algorithm.AlgorithmVersion, algorithm.AlgorithmParameters))
    assert said[0] == said[1] and "up-down" in said[0][2]
