"""Scores of a model are stored with the images: Dice where a person has labelled, uncertainty where nobody has yet."""

import json

import cv2
import numpy as np
import pytest

from mammoseg.active_learning.scores import SCORES
from mammoseg.errors import WrongCallError
from mammoseg.inference.predictor import Prediction
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.models.scoring import build_scoring_methods
from monailabel_app.lib.strategies import stored_scores
from monailabel_app.lib.strategies.settings import StrategySettings
from tests.label.tiny_models import served_model, write_weights


@pytest.fixture
def model(tmp_path):
    return served_model(tmp_path, write_weights(tmp_path / "w.pt"))


def identity(model) -> dict:
    """What says which weights the scores are of."""
    version, predictor = model.load_served()
    return {"version": version.number, "weights_sha256": predictor.weights_sha256}


def test_dice_is_that_of_the_models_mask_and_the_persons(model, store, monkeypatch):
    drawn = np.zeros((64, 48), np.uint8)
    drawn[10:20, 10:20] = 255  # 100 pixels
    said = np.zeros((64, 48), np.float32)
    said[10:20, 15:25] = 0.9  # 100 pixels, 50 of them shared
    cv2.imwrite(str(store.masks["image-0"]), drawn)
    monkeypatch.setattr(model.load_predictor(), "predict", lambda mammogram, boxes=(): Prediction(said, mammogram))
    result = build_scoring_methods({"unet": model})["dice"]({}, store)
    assert store.info["image-0"]["scores"]["unet"] == {**identity(model), "dice": 0.5}
    assert (result["model"], result["total"], result["scored"]) == ("unet", 2, 2)


def test_the_scores_of_another_model_that_came_meanwhile_stay(model, store, monkeypatch):
    store.info["image-0"] = {"scores": {"other": {"dice": 0.1}}}
    monkeypatch.setattr(store, "get_image_info", lambda image: {})  # it was read before they came
    build_scoring_methods({"unet": model})["dice"]({"model": "unet"}, store)
    assert store.info["image-0"]["scores"].keys() == {"other", "unet"}


def test_a_label_without_a_mass_has_no_dice(model, store):
    cv2.imwrite(str(store.masks["image-0"]), np.zeros((64, 48), np.uint8))
    build_scoring_methods({"unet": model})["dice"]({"model": "unet"}, store)
    assert store.info["image-0"]["scores"]["unet"]["dice"] is None


def test_uncertainty_is_of_images_without_a_label(model, store):
    result = build_scoring_methods({"unet": model})["uncertainty"]({}, store)
    assert set(store.info) == {"image-2", "image-3"}
    scores = store.info["image-2"]["scores"]["unet"]
    assert set(scores) == {"version", "weights_sha256", "features", "disagreement", *SCORES}
    assert all(scores[name] >= 0 for name in SCORES)
    json.dumps(result)


def test_a_model_that_openvino_computes_has_the_scores_of_torch(model, store, tmp_path):
    build_scoring_methods({"unet": model})["uncertainty"]({}, store)
    by_torch = store.info.pop("image-2")
    other = served_model(tmp_path / "other", tmp_path / "w.pt", runtime="openvino")
    build_scoring_methods({"unet": other})["uncertainty"]({}, store)
    assert store.info["image-2"] == by_torch


def test_scores_of_other_weights_are_dropped_and_those_of_other_models_kept(model, store, tmp_path):
    store.info["image-0"] = {"scores": {"aunet": {"version": 3, "dice": 0.1}}}
    methods = build_scoring_methods({"unet": model})
    methods["uncertainty"]({"images": "all"}, store)
    methods["dice"]({}, store)
    assert {"dice", *SCORES} <= set(store.info["image-0"]["scores"]["unet"])
    model.versions.add(write_weights(tmp_path / "new.pt", seed=1), {}, promote=True, reason="test")
    methods["dice"]({}, store)
    assert set(store.info["image-0"]["scores"]["unet"]) == {*identity(model), "dice"}
    assert store.info["image-0"]["scores"]["aunet"] == {"version": 3, "dice": 0.1}


def test_an_image_that_is_refused_is_counted(model, store):
    store.images["image-0"].write_bytes(b"no image")
    result = build_scoring_methods({"unet": model})["dice"]({}, store)
    assert (result["scored"], result["refused"]) == (1, 1)


def test_without_weights_there_is_one_sentence(tmp_path, store):
    with pytest.raises(ModelNotReadyError, match="no model has weights yet"):
        build_scoring_methods({"unet": served_model(tmp_path, None)})["dice"]({}, store)


def test_an_unknown_choice_of_images_is_refused(model, store):
    with pytest.raises(WrongCallError, match="images is none of all, labeled, unlabeled"):
        build_scoring_methods({"unet": model})["uncertainty"]({"images": "some"}, store)


def test_strategies_take_the_scores_that_were_stored(model, store, monkeypatch):
    build_scoring_methods({"unet": model})["uncertainty"]({}, store)
    monkeypatch.setattr(stored_scores, "score_mammogram", None)  # nothing is left to score
    scores = stored_scores.StoredScores({"unet": model}, StrategySettings())
    assert set(scores.collect(store, ["image-2", "image-3"], wanted=SCORES)) == {"image-2", "image-3"}
