"""What a call of `predict` takes, what it refuses, and which weights it uses."""

import sys
import threading
from types import ModuleType

import numpy as np
import pydicom
import pytest

from mammoseg.data.mammogram import read_ahead, read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.decode_pool import get_default_pool
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.files import hash_file
from mammoseg.prediction.predict import predict
from tests.label.bright_model import write_bright_weights
from tests.made_predictor import BrightIsMass
from tests.prediction.outputs import rows_of


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 2, float("nan")])
def test_threshold_out_of_range_is_a_wrong_call(threshold, tmp_path):
    with pytest.raises(WrongCallError, match="threshold is"):
        predict("a.dcm", output=tmp_path, threshold=threshold)


def test_choice_from_an_archive_without_one_is_a_wrong_call(tmp_path):
    with pytest.raises(WrongCallError, match="--study, --patient and --date choose from an archive"):
        predict("a.dcm", output=tmp_path, date="20240131")


def test_call_without_input_is_a_wrong_call(tmp_path):
    with pytest.raises(WrongCallError, match="no input is named"):
        predict(output=tmp_path)


def test_output_that_is_a_file_is_a_wrong_call(tmp_path):
    for name in ("out", "a.dcm", "w.pt"):
        (tmp_path / name).touch()
    with pytest.raises(WrongCallError, match="cannot be made"):
        predict(tmp_path / "a.dcm", output=tmp_path / "out", weights=tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nope.dcm", "there is no file '.*nope.dcm'; check the path"),
        (".", "there is no file to segment, 1 passed over"),
    ],
)
def test_call_with_no_file_to_look_at_loads_no_torch_and_leaves_no_folder(name, sentence, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mammoseg.inference.predictor", None)  # importing it would fail
    (tmp_path / "w.txt").touch()
    with pytest.raises(NothingUsableError, match=sentence):
        predict(tmp_path / name, output=tmp_path / "out", weights=tmp_path / "w.txt")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def made(monkeypatch):
    """What `predict` makes its predictor with; the predictor itself needs no torch."""

    def make(**choices):
        made.update(choices)
        return BrightIsMass()

    made = {}
    inference = ModuleType("mammoseg.inference.predictor")
    inference.Predictor = make
    monkeypatch.setitem(sys.modules, "mammoseg.inference.predictor", inference)
    return made


def test_predict_hands_its_choices_to_the_predictor(pixels, made, tmp_path):
    path, output = tmp_path / "a.dcm", tmp_path / "out"
    write_mammogram(path, pixels)
    weights = tmp_path / "w.pt"
    weights.touch()
    predict(path, output=str(output), bundle="aunet", weights=str(weights), modalities="RG", device="cpu")
    assert made == {
        "bundle": "aunet",
        "weights": weights,
        "device": "cpu",
        "modalities": ("RG",),
        "flips": None,
        "runtime": "auto",
        "precision": None,
        "voi": None,
        "with_boxes": False,
    }
    assert rows_of(output)[0]["status"] == "mass found"


def test_the_one_file_of_a_first_call_is_read_while_the_predictor_is_made(pixels, made, tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    write_mammogram(path, pixels)
    ahead = []
    monkeypatch.setattr("mammoseg.prediction.predict.read_ahead", lambda *asked, **how: ahead.append((*asked, how)))
    for _ in range(2):
        predict(path, output=tmp_path / "out", weights=path, modalities=("MG", "RG"))
    assert ahead == [(path, {"voi": "first", "modalities": ("MG", "RG")})]


def test_what_the_first_file_waits_for_is_done_while_it_is_read_and_may_fail(pixels, tmp_path, monkeypatch):
    class Prepared(BrightIsMass):
        def prepare(self):
            prepared.append(threading.current_thread())
            raise ValueError("no")

    prepared, inference = [], ModuleType("mammoseg.inference.predictor")
    inference.Predictor = lambda **_: Prepared()
    monkeypatch.setitem(sys.modules, "mammoseg.inference.predictor", inference)
    for name in ("a.dcm", "b.dcm"):
        write_mammogram(tmp_path / name, pixels)
    predict(tmp_path / "a.dcm", output=tmp_path / "out", weights=tmp_path / "a.dcm")
    assert [thread is threading.main_thread() for thread in prepared] == [False]
    assert rows_of(tmp_path / "out")[0]["status"] == "mass found"
    predict(tmp_path / "a.dcm", tmp_path / "b.dcm", output=tmp_path / "out", weights=tmp_path / "a.dcm", workers=1)
    assert len(prepared) == 1  # this folder knows an earlier run, which may have done all


def test_what_is_read_ahead_is_what_is_asked_for(pixels, tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    write_mammogram(path, pixels)
    pool, asked = get_default_pool(), []
    answer = pool.ask
    monkeypatch.setattr(pool, "ask_ahead", asked.append)
    monkeypatch.setattr(pool, "ask", lambda request: asked.append(request) or answer(request))
    read_ahead(path, modalities=("MG",))
    read_mammogram(path)
    assert asked[0] == asked[1]


def test_predict_says_which_weights_it_takes_when_none_are_named(pixels, made, tmp_path, capsys, monkeypatch):
    own = tmp_path / "model.pt"
    monkeypatch.setattr("mammoseg.prediction.asked.choose_default_weights", lambda bundle: own)
    write_mammogram(tmp_path / "a.dcm", pixels)
    predict(tmp_path / "a.dcm", output=tmp_path / "out")
    assert made["weights"] == own
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [
        f"No weights are named; {own} is used.",
        "1 file to look at; loading efficientnet_unet, which can take a minute.",
    ]
    predict(tmp_path / "a.dcm", output=tmp_path / "out")
    said = capsys.readouterr().err.splitlines()
    assert "loading efficientnet_unet to see what is done already, which can take a minute." in said[1]


def test_several_weights_are_one_predictor_whose_results_name_all(tmp_path):
    pixels = np.zeros((80, 60), np.uint16)
    pixels[5:75, :50], pixels[20:35, 10:25] = 800, 4000
    write_mammogram(tmp_path / "a.dcm", pixels)
    weights = [
        write_bright_weights(tmp_path / f"{n}.pt", spatial_size=(64, 48), grey=g) for n, g in ((1, 0.4), (2, 0.6))
    ]
    predict(tmp_path / "a.dcm", output=tmp_path / "out", bundle="unet", weights=weights, runtime="torch")
    (row,) = rows_of(tmp_path / "out")
    assert (row["status"], row["weights_file"]) == ("mass found", "1.pt+2.pt")
    assert row["weights_sha256"] == "+".join(map(hash_file, weights))
    for file in ("a.seg.dcm", "a.sr.dcm"):
        assert row["weights_sha256"] in pydicom.dcmread(tmp_path / "out" / file).to_json(), file
