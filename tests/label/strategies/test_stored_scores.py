"""Scores are stored with the image for the weights that made them, made up for a few at a time, and shared."""

from pathlib import Path

import pytest

from mammoseg.active_learning.scores import SCORES
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.models.scoring import KEY, UncertaintyScoring
from monailabel_app.lib.strategies import stored_scores
from monailabel_app.lib.strategies.settings import StrategySettings
from monailabel_app.lib.strategies.stored_scores import StoredScores
from tests.label.bright_model import write_bright_weights
from tests.label.tiny_models import DictDatastore, served_model, write_picture, write_weights

NAMES = [f"image-{number}" for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> DictDatastore:
    store = DictDatastore({name: write_picture(tmp_path / f"{name}.png", seed=i)[0] for i, name in enumerate(NAMES)})
    store.get_image_uri = lambda image: str(store.images[image])
    return store


@pytest.fixture
def model(tmp_path: Path):
    return served_model(tmp_path / "state", write_weights(tmp_path / "model.pt"))


@pytest.fixture
def passes(monkeypatch) -> list[str]:
    """Images that were scored, each time."""
    seen: list[str] = []

    def watched(scorer, predictor, mammogram, wanted, score=stored_scores.score_mammogram):
        seen.append(mammogram.path.stem)
        return score(scorer, predictor, mammogram, wanted)

    monkeypatch.setattr(stored_scores, "score_mammogram", watched)
    return seen


def collect(model, store, wanted=("uncertainty_top",), **settings):
    return StoredScores({"unet": model}, StrategySettings(**settings)).collect(store, NAMES, wanted=wanted)


def test_a_request_scores_no_more_than_it_may_and_the_next_goes_on(model, store, passes):
    assert [len(collect(model, store, max_scored=2)) for _ in range(4)] == [2, 4, 5, 5]
    assert sorted(passes) == NAMES


def test_weights_of_patches_are_refused_before_any_image_is_read(store, passes, tmp_path):
    weights = write_bright_weights(tmp_path / "patches.pt", spatial_size=(32, 32), patch_area=1.2)
    with pytest.raises(ModelNotReadyError, match="looks into a box that a person gives, so there are no scores"):
        collect(served_model(tmp_path / "patches", weights), store)
    assert not store.info and not passes


def test_what_others_stored_meanwhile_stays(model, store, monkeypatch):
    version, predictor = model.load_served()
    same = {"version": version.number, "weights_sha256": predictor.weights_sha256}
    store.info["image-0"] = {KEY: {"other": {"dice": 0.1}, "unet": {**same, "dice": 0.2}}}
    monkeypatch.setattr(store, "get_image_info", lambda image: {})  # it was read before they came
    collect(model, store)
    kept = store.info["image-0"][KEY]
    assert kept["other"] == {"dice": 0.1} and kept["unet"]["dice"] == 0.2 and "uncertainty_top" in kept["unet"]


def test_what_is_stored_comes_back(model, store):
    first, again = collect(model, store), collect(model, store)
    for name in NAMES:
        assert again[name].scores == first[name].scores
        assert again[name].features == pytest.approx(first[name].features, rel=2e-3, abs=1e-6)  # float16


def test_new_weights_make_scores_stale(model, store, passes, tmp_path):
    old = collect(model, store)
    model.versions.add(write_weights(tmp_path / "new.pt", seed=1), {}, promote=True, reason="better")
    new = collect(model, store)
    assert len(passes) == 10 and old["image-0"].scores != new["image-0"].scores
    assert store.info["image-0"][KEY]["unet"]["version"] == 1


def test_other_weights_under_the_same_number_make_scores_stale(model, store, passes, tmp_path):
    collect(model, store)
    write_weights(tmp_path / "model.pt", seed=1)
    collect(served_model(tmp_path / "state", tmp_path / "model.pt"), store)
    assert len(passes) == 10


def test_another_score_is_added_to_those_that_are_there(model, store, passes):
    collect(model, store)
    found = collect(model, store, wanted=("tta",))
    assert set(found["image-0"].scores) == {"uncertainty_top", "tta"}
    assert len(passes) == 10


def test_scores_of_another_model_stay(model, store):
    store.info = {name: {KEY: {"aunet": {"version": 3}}} for name in NAMES}
    collect(model, store)
    assert store.info["image-0"][KEY]["aunet"] == {"version": 3}


def test_a_refused_image_is_tried_once_and_does_not_count(model, store, passes):
    store.images["image-0"].write_bytes(b"no picture")
    assert len(collect(model, store, max_scored=4)) == 4
    assert store.info["image-0"][KEY]["unet"]["refused"] == "E_NOT_DICOM"
    store.images["image-0"] = store.images["image-1"]
    assert len(collect(model, store)) == 4


def test_dice_that_scoring_stored_is_kept(model, store):
    version, predictor = model.load_served()
    identity = {"version": version.number, "weights_sha256": predictor.weights_sha256}
    store.info["image-0"] = {KEY: {"unet": {**identity, "dice": 0.5}}}
    collect(model, store)
    assert store.info["image-0"][KEY]["unet"]["dice"] == 0.5


def test_the_scoring_endpoint_says_the_same(model, store):
    found = collect(model, store, wanted=SCORES)
    UncertaintyScoring({"unet": model})({}, store)
    for name in NAMES:
        stored = store.info[name][KEY]["unet"]
        assert {score: stored[score] for score in SCORES} == pytest.approx(found[name].scores)
