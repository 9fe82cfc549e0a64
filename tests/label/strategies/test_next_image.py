"""The next image: unlabelled, leased to one person, of another patient where there is one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mammoseg.active_learning.strategies import STRATEGIES
from mammoseg.errors import WrongCallError
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.strategies import build_strategies
from tests.label.tiny_models import served_model, write_picture, write_weights

NOW = 1_000_000.0


@dataclass
class LeasingStore:
    """Pictures named ``<patient><view>``; leases are a dictionary."""

    images: dict[str, Path]
    labelled: list[str] = field(default_factory=list)
    info: dict[str, dict[str, Any]] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)

    def get_labeled_images(self) -> list[str]:
        return self.labelled

    def get_unlabeled_images(self) -> list[str]:
        return [image for image in self.images if image not in self.labelled]

    def get_image_uri(self, image: str) -> str:
        return str(self.images[image])

    def get_image_info(self, image: str) -> dict[str, Any]:
        return dict(self.info.get(image, {}))

    def update_image_info(self, image: str, info: dict[str, Any]) -> None:
        self.info.setdefault(image, {}).update(info)

    def change_image_info(self, image: str, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.update_image_info(image, {key: change(self.get_image_info(image).get(key, {}))})

    def get_patient_group(self, image: str) -> str:
        return image[0]

    def lease(self, image: str, user: str) -> bool:
        return self.leases.setdefault(image, user) == user


@pytest.fixture
def store(tmp_path: Path) -> LeasingStore:
    names = ["a1", "a2", "a3", "b1", "b2", "c1"]
    return LeasingStore({n: write_picture(tmp_path / f"{n}.png", seed=i)[0] for i, n in enumerate(names)})


@pytest.fixture
def model(tmp_path: Path):
    return served_model(tmp_path / "state", write_weights(tmp_path / "model.pt"))


@pytest.fixture
def ask(model, store):
    """Ask a strategy as the route does, and note what was given out."""

    def ask(name: str = "first", *, user: str = "eva", conf: dict[str, str] | None = None, **request: Any) -> Any:
        strategy = build_strategies({"unet": model}, conf or {})[name]
        strategy.clock = lambda: NOW
        result = strategy({"strategy": name, "user": user, **request}, store)
        if result:
            store.update_image_info(result["id"], {"strategy": {name: {"ts": NOW, "client_id": user}}})
        return result and result["id"]

    return ask


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_all_images_once_and_then_begins_again(ask, store, name):
    assert {ask(name) for _ in store.images} == set(store.images)
    assert ask(name) in store.images


@pytest.mark.parametrize("name", STRATEGIES)
def test_labelled_images_are_never_given(ask, store, name):
    store.labelled = ["a1", "b1", "c1"]
    assert {ask(name) for _ in range(4)} == {"a2", "a3", "b2"}


def test_views_of_one_patient_are_kept_apart(ask):
    assert [ask() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_views_may_follow_each_other_by_option(ask):
    assert [ask(group=False) for _ in range(3)] == ["a1", "a2", "a3"]
    assert ask(conf={"group": "false"}) == "b1"


def test_patients_that_have_labels_wait(ask, store):
    store.labelled = ["a1"]
    assert [ask() for _ in range(3)] == ["b1", "c1", "a2"]


def test_no_image_is_given_to_two_people(ask):
    given = [ask("uncertainty_top", user=user) for user in ("eva", "max", "eva", "max", "eva", "max")]
    assert len(set(given)) == 6
    assert ask("uncertainty_top", user="kim") is None


def test_an_image_that_another_holds_is_passed_over(ask, store):
    store.leases["a1"] = "max"
    assert ask() == "b1"


def test_images_given_long_ago_count_as_new(ask, store):
    store.info["a1"] = {"strategy": {"first": {"ts": NOW - 3600}}}
    assert ask() == "a1"


def test_nothing_left_is_no_image(ask, store):
    store.labelled = list(store.images)
    assert ask() is None and ask("coreset") is None


def test_scores_need_weights_and_order_by_name_does_not(tmp_path, store):
    made = build_strategies({"unet": served_model(tmp_path / "none", None)}, {})
    assert made["first"]({}, store)["id"] == "a1"
    with pytest.raises(ModelNotReadyError, match="no model has weights"):
        made["tta"]({}, store)


def test_a_model_that_is_named_must_be_there(ask):
    with pytest.raises(ModelNotReadyError, match="no such model"):
        ask("tta", model="other")


@pytest.mark.parametrize("conf", [{"max_scored": "0"}, {"group": "perhaps"}, {"strategy_model": "other"}])
def test_settings_that_make_no_sense_are_refused(model, conf):
    with pytest.raises(WrongCallError, match=next(iter(conf))):
        build_strategies({"unet": model}, conf)


def test_info_says_what_a_strategy_does(model):
    made = build_strategies({"unet": model}, {})
    assert {name: strategy.info()["description"] for name, strategy in made.items()} == STRATEGIES
