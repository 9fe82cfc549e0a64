"""The work in hand of one person on one image: which outlines belong together, and what each cost."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mammoseg.dicom.algorithm import Assistance
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.datastore.index import Index
from monailabel_app.lib.datastore.work import Effort, Proposal, WorkInHand

SHAPE = (40, 40)

CLICKS = Assistance("clicks", "1")

Say = Callable[..., None]


def square(row: int, column: int, side: int = 10) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[row : row + side, column : column + side] = True
    return mask


@pytest.fixture
def work(tmp_path: Path) -> WorkInHand:
    return WorkInHand(Index(tmp_path / "index.sqlite3"))


@pytest.fixture
def say(work: WorkInHand) -> Say:
    """Ask a model: with clicks, which it answers with an outline, or without."""

    def ask(outline: np.ndarray, *marks: str, so_far: np.ndarray | None = None) -> None:
        told = None if so_far is None else RunLengths.from_mask(so_far)
        work.propose("image", "ada", Proposal(CLICKS, RunLengths.from_mask(outline), len(marks), marks, told))

    return ask


@pytest.fixture
def saved(work: WorkInHand) -> Callable[[np.ndarray], Effort]:
    """Save a mask and tell what it cost."""
    found: list[Effort] = []
    work.on_saved = lambda user, role, image, effort: found.append(effort)

    def save(mask: np.ndarray) -> Effort:
        work.finish("image", "ada", "annotator", work.get("image", "ada"), mask, seconds=0.0)
        return found[-1]

    return save


def test_where_one_outline_runs_over_another_the_prompts_of_both_are_counted(say, saved):
    say(square(0, 0), "5 5", "2 2")
    say(square(8, 8), "15 15")
    effort = saved(square(8, 8))
    assert (effort.prompts, effort.corrections) == (3, 0)
    assert effort.kept == 1.0, "the first outline is gone"


def test_a_mass_that_was_run_over_goes_on_with_its_prompts_and_none_is_counted_twice(say, saved):
    say(square(0, 0), "5 5")
    say(square(8, 8), "15 15")
    say(square(0, 0, 8), "5 5", "9 9", so_far=square(0, 0, 8))
    effort = saved(square(0, 0, 8) | square(8, 8))
    assert (effort.prompts, effort.corrections, effort.kept) == (3, 1, 1.0)


def test_a_click_after_all_others_were_undone_is_the_same_masses_by_the_mask_so_far(say, saved):
    say(square(0, 0), "5 5")
    say(square(0, 20), "5 25")
    say(square(0, 0, 9), "4 4", so_far=square(0, 0))
    effort = saved(square(0, 0, 9) | square(0, 20))
    assert (effort.prompts, effort.corrections) == (2, 1)


def test_a_click_into_one_mass_of_a_proposal_leaves_the_others_to_the_model(say, saved, work):
    say(square(0, 0) | square(0, 20))
    say(square(0, 0, 12), "5 5", so_far=square(0, 0))
    others = [proposal.outline for proposal in work.get("image", "ada").proposals]
    assert others == [RunLengths.from_mask(square(0, 20)), RunLengths.from_mask(square(0, 0, 12))]
    effort = saved(square(0, 0, 12) | square(0, 20))
    assert (effort.prompts, effort.corrections, effort.kept) == (1, 1, 1.0)


def test_a_click_on_what_a_model_drew_unasked_is_a_correction_of_it(say, saved):
    say(square(0, 0))
    say(square(2, 2), "5 5")
    assert saved(square(2, 2)).corrections == 1


def test_what_a_model_proposes_while_an_image_is_taken_in_hand_is_kept(say, work, monkeypatch):
    read, other = work.get, threading.Thread(target=say, args=(square(0, 0), "5 5"))

    def read_slowly(image, user):
        found = read(image, user)
        if other.ident is None:
            other.start()
            other.join(0.2)
        return found

    monkeypatch.setattr(work, "get", read_slowly)
    work.begin("image", "ada")
    other.join()
    assert len(read("image", "ada").proposals) == 1 and read("image", "ada").begun


def test_what_was_counted_is_not_counted_again(say, saved):
    say(square(0, 0), "5 5")
    say(square(8, 8), "15 15")
    assert saved(square(8, 8)).prompts == 2
    assert saved(square(8, 8)).prompts == 0
