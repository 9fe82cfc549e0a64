"""What a call of `predict` asked for and had no effect is said in one sentence."""

import cv2
import pytest

from mammoseg.cohort.cohort import segment_cohort
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.prediction.predict import predict
from tests.label.bright_model import write_bright_weights


@pytest.fixture
def inputs(tmp_path, pixels):
    write_mammogram(tmp_path / "films" / "a.dcm", pixels)
    for name in ("b", "c"):
        cv2.imwrite(str(tmp_path / "films" / f"{name}.png"), pixels.astype("uint16"))
    return tmp_path / "films"


def test_a_window_says_how_many_images_it_had_no_effect_on(inputs, tmp_path, capsys):
    call = {"output": tmp_path / "out", "bundle": "unet", "runtime": "torch", "window": "2000,4000"}
    call["weights"] = write_bright_weights(tmp_path / "w.pt", spatial_size=(64, 48))
    for _ in range(2):  # the second finds everything done
        predict(inputs, **call)
        assert capsys.readouterr().err.count("--window had no effect on 2 of 3 images: they are no DICOM files") == 1
    predict(inputs / "a.dcm", **call)
    assert "--window" not in capsys.readouterr().err


def test_a_window_beside_weights_that_keep_their_own_says_so(inputs, tmp_path, capsys):
    weights = write_bright_weights(tmp_path / "w.pt", spatial_size=(64, 48), voi="window 1500 3000")
    call = {"output": tmp_path / "out", "bundle": "unet", "weights": weights, "runtime": "torch"}
    predict(inputs / "a.dcm", window="2000,4000", **call)
    assert "--window had no effect on weights that keep the grey values of their training." in capsys.readouterr().err
    predict(inputs / "a.dcm", **call)
    assert "--window" not in capsys.readouterr().err


def test_a_cohort_says_it_too(inputs, tmp_path, capsys):
    call = {"output": tmp_path / "out", "bundle": "unet", "runtime": "torch", "workers": 1}
    call["weights"] = write_bright_weights(tmp_path / "w.pt", spatial_size=(64, 48))
    segment_cohort(inputs, window="2000,4000", **call)
    assert capsys.readouterr().err.count("--window had no effect on 2 of 3 images: they are no DICOM files") == 1
    segment_cohort(inputs, **call)
    assert "--window" not in capsys.readouterr().err
