"""Versions: one is served at any moment, whatever is killed or broken; any can be served again."""

import json
import multiprocessing
import random
import time
from pathlib import Path

import pytest

from mammoseg.checkpoints.weights_file import WeightsError
from monailabel_app.lib.models.versions import NoSuchVersionError, Versions


@pytest.fixture
def original(tmp_path):
    path = tmp_path / "original.pt"
    path.write_bytes(b"original")
    return path


@pytest.fixture
def versions(tmp_path, original):
    return Versions(tmp_path / "unet", original)


def add(versions, content: bytes, *, promote: bool) -> int:
    path = versions.folder.parent / "new.pt"
    path.write_bytes(content)
    return versions.add(path, {"bundle": "unet"}, promote=promote, reason="test").number


def test_the_original_is_served_first(versions, original):
    assert versions.read_current().number == 0 and versions.read_current().weights == original


def test_a_model_without_weights_serves_nothing(tmp_path):
    assert Versions(tmp_path / "unet").read_current() is None


def test_a_version_that_is_kept_aside_is_not_served(versions):
    assert add(versions, b"one", promote=False) == 1
    assert versions.read_current().number == 0 and versions.list_numbers() == [0, 1]


def test_promotion_and_rollback_go_back_step_by_step(versions):
    add(versions, b"one", promote=True)
    add(versions, b"two", promote=True)
    assert versions.read_current().number == 2
    assert versions.roll_back().number == 1
    assert versions.roll_back().number == 0
    with pytest.raises(NoSuchVersionError, match="nothing was served before"):
        versions.roll_back()
    assert [event["what"] for event in versions.read_history()["events"]] == ["promoted"] * 2 + ["rolled back"] * 2


def test_a_version_that_is_promoted_again_is_left_by_one_rollback(versions):
    add(versions, b"one", promote=True)
    versions.promote(1, reason="by hand")
    assert versions.roll_back().number == 0


def test_a_version_is_promoted_by_hand(versions):
    add(versions, b"one", promote=False)
    versions.promote(1, reason="by hand")
    assert versions.read_current().weights.read_bytes() == b"one"


def test_changed_weights_are_not_promoted(versions):
    add(versions, b"one", promote=False)
    (versions.folder / "1" / "model.pt").write_bytes(b"other")
    with pytest.raises(WeightsError, match="version 1 have changed"):
        versions.promote(1, reason="by hand")
    assert versions.read_current().number == 0


def test_what_was_compared_with_another_version_than_the_served_one_is_kept_aside(versions, original):
    add(versions, b"one", promote=False)
    versions.promote(1, reason="by hand, while a training runs")
    late = versions.add(original, {"parent": 0}, promote=True, reason="better than 0").number
    is_served, reason = versions.read_decision(late)
    assert not is_served and versions.read_current().number == 1
    assert reason.startswith(
        "not served: version 1 is served since the training began, with which it was not compared;"
    )
    assert versions.add(original, {"parent": 1}, promote=True, reason="better than 1") == versions.read_current()
    assert versions.read_decision(3) == (True, "better than 1")


def test_unknown_version_is_one_sentence(versions):
    with pytest.raises(NoSuchVersionError, match="no version 7; known: 0"):
        versions.promote(7, reason="by hand")


def test_history_is_json_with_the_parent_of_each_version(versions):
    add(versions, b"one", promote=True)
    add(versions, b"two", promote=True)
    history = json.loads(json.dumps(versions.read_history()))
    assert [history["versions"][number].get("parent") for number in "012"] == [None, 0, 1]


def test_numbers_are_never_given_twice_after_a_rollback(versions):
    add(versions, b"one", promote=True)
    versions.roll_back()
    assert add(versions, b"two", promote=True) == 2


def write_for_ever(versions, said: Path) -> None:
    """Add versions, serve them, and go back from each third; note each number that is kept."""
    while True:
        number = max(versions.list_numbers()) + 1
        add(versions, b"%d" % number, promote=True)
        with said.open("a") as file:
            file.write(f"{number}\n")
        if number % 3 == 0:
            versions.roll_back()


def test_sigkill_at_any_moment_of_a_promotion_serves_an_old_or_the_new_version(versions, tmp_path):
    moment = random.Random(0)
    for _ in range(20):
        said = tmp_path / "said"
        said.write_text("")
        writer = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(versions, said))
        writer.start()
        while not said.read_text() and writer.is_alive():
            time.sleep(0.001)
        time.sleep(moment.uniform(0, 0.02))
        writer.kill()
        writer.join()
        kept = max(int(line) for line in said.read_text().split())
        current = versions.read_current()
        current.check()
        assert current.weights.read_bytes() in (b"original", b"%d" % current.number)
        assert max(versions.list_numbers()) >= kept
        assert all(path.name.isdigit() or path.name.startswith(".") for path in Path(versions.folder).glob("[!c]*"))
    add(versions, b"last", promote=True)
    assert not list(versions.folder.glob(".new-*")), "leftovers of the killed are removed"
