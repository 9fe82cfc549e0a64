"""The benchmark of precisions says what each costs in Dice and takes of the processor, image by image, by turns."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mammoseg.benchmark import precision_dice
from mammoseg.benchmark.precision_dice import benchmark_precision
from mammoseg.data.mammogram import read_mammogram
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from mammoseg.inference.predictor import Prediction
from tests.label.bright_model import write_bright_weights
from tests.made_predictor import BrightIsMass
from tests.tiny_run import write_tiny_dataset


@pytest.fixture
def dataset(tmp_path):
    """Three test images, each with one mass, which is what is brighter than half the range."""
    return write_tiny_dataset(tmp_path / "data")


class MadeClock:
    """Processor seconds that pass when somebody says so."""

    now = 0.0

    def __call__(self):
        return self.now


class MadePredictor:
    """What is bright is mass, but for the image that is missed; reading takes 5 s of the processor."""

    threshold = 0.5

    def __init__(self, precision, *, seconds, missed, clock, asked):
        self.algorithm = replace(BrightIsMass().algorithm, precision=precision)
        self.seconds, self.missed, self.clock, self.asked = seconds, missed, clock, asked

    def __call__(self, path):
        return self.predict(self.read(path))

    def read(self, path):
        self.clock.now += 5
        return read_mammogram(path)

    def predict(self, mammogram):
        self.clock.now += self.seconds
        self.asked.append((self.algorithm.precision, mammogram.path.stem))
        probability = np.asarray(mammogram.pixels / 255, np.float32)
        return Prediction(probability * (mammogram.path.stem != self.missed), mammogram)

    def limit_threads(self, count):
        assert count == 1


@pytest.fixture
def measured(dataset, monkeypatch):
    """In bf16, which takes half as long, the last image is missed; and what was asked in which order."""
    asked, clock = [], MadeClock()
    made = {
        "f32": MadePredictor("f32", seconds=0.5, missed=None, clock=clock, asked=asked),
        "bf16": MadePredictor("bf16", seconds=0.25, missed="test-2", clock=clock, asked=asked),
    }
    monkeypatch.setattr(precision_dice, "load_predictor", lambda *_, precision, **__: made[precision])
    monkeypatch.setattr(precision_dice, "process_time", clock)
    return benchmark_precision(dataset, weights="any"), asked


def test_each_precision_has_its_dice_masses_and_share_found(measured):
    found, _ = measured
    assert (found["images"], found["patients"], found["section"]) == (3, 3, "test")
    f32, bf16 = found["precisions"]["f32"], found["precisions"]["bf16"]
    assert (f32["dice"], f32["masses"], f32["masses_with_a_predicted_pixel"]) == (1.0, 3, 3)
    assert (bf16["dice"], bf16["masses"], bf16["masses_with_a_predicted_pixel"]) == (0.6667, 3, 2)
    assert f32["predicted_pixels"] == pytest.approx(3 * 113, abs=9)  # discs of radius 6
    assert f32["all_marks"]["found"] > bf16["all_marks"]["found"]


def test_a_later_precision_is_compared_with_the_first_by_patient(measured):
    found, _ = measured
    assert found["against_f32"].keys() == {"bf16"}
    less = found["against_f32"]["bf16"]
    assert (less["dice"], less["images_moved"], less["lowest_move"], less["highest_move"]) == (-0.3333, 1, -1.0, 0.0)
    assert less["interval"] == [-1.0, 0.0]  # the missed one three times in 1/27 of the draws, never in 8/27
    assert less["changed_pixels"] == pytest.approx(113, abs=3)


def test_only_the_processor_seconds_of_prediction_count(measured):
    found, _ = measured
    f32, bf16 = (found["precisions"][name]["processor_seconds_an_image"] for name in ("f32", "bf16"))
    assert (f32, bf16) == (0.5, 0.25)


def test_all_precisions_see_an_image_before_the_next_and_take_turns_in_going_first(measured):
    _, asked = measured
    assert asked[2:] == [  # after the first image in each, which does not count
        ("f32", "test-0"),
        ("bf16", "test-0"),
        ("bf16", "test-1"),
        ("f32", "test-1"),
        ("f32", "test-2"),
        ("bf16", "test-2"),
    ]


def test_weights_are_computed_by_the_engine_and_named(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "cache"))
    weights = write_bright_weights(tmp_path / "model.pt", spatial_size=(64, 48), grey=0.7)
    found = benchmark_precision(dataset, bundle="unet", weights=weights, precisions="f32", images=2)
    assert found["weights_sha256"] == hash_file(weights) and found["engine"].startswith("openvino ")
    assert (found["images"], found["threshold"], found["against_f32"]) == (2, 0.5, {})
    assert found["precisions"]["f32"]["dice"] > 0.9 and found["precisions"]["f32"]["computed_in"] == "f32"
    assert found["machine"]["processor"] and found["date"] and len(found["load"]) == 2
    json.dumps(found, allow_nan=False)


def test_images_without_a_mass_are_refused(dataset):
    path = dataset / "datalist.json"
    path.write_text(path.read_text().replace('"has_mass": true', '"has_mass": false'))
    with pytest.raises(WrongCallError, match="no test image of .* has a mass; name another section with --section"):
        benchmark_precision(dataset, weights="any")
