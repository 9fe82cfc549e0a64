"""The mask so far of clients that send prompts alone: whose it is, when it counts, and how much is kept."""

import numpy as np

from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.models.said_prompts import Said
from monailabel_app.lib.models.so_far import Asker, MasksSoFar, SoFar

ADA = Asker("Ada", "user-xyz", "1.2.3", "click_unet")


def so_far(*marks: str) -> SoFar:
    """A pixel: two runs, and one for each mark."""
    return SoFar(frozenset(marks), RunLengths.from_mask(np.eye(1, dtype=bool)))


def test_a_request_goes_on_where_it_says_all_prompts_again_and_more():
    before = so_far("5 5", "9 9")
    assert before.goes_on_in(["9 9", "5 5", "7 7"])
    assert not before.goes_on_in(["5 5", "9 9"]), "asked again, it is answered as before"
    assert not before.goes_on_in(["5 5", "7 7"]), "one was taken back"
    assert not before.goes_on_in([])
    assert not so_far().goes_on_in(["5 5"]), "of a request without words, as scribbles, nothing is said again"


def test_the_words_of_a_prompt_tell_its_kind():
    point = np.array([[5.0, 5.0]])
    said = [
        Said(Prompts(foreground=point)),
        Said(Prompts(background=point)),
        Said(Prompts(inside=(point,))),
        Said(Prompts(outside=(point,))),
    ]
    assert [what.marks[0].rpartition(" ")[0] for what in said] == ["+ 5", "- 5", "stroke +", "stroke -"]
    assert Said(Prompts(box=(1, 2, 3, 4))).marks == ["box 1 2 3 4"]
    before = SoFar(frozenset(said[0].marks), RunLengths(None))
    other = Prompts(foreground=np.array([[9.0, 9.0]]), background=point)
    assert not before.goes_on_in(Said(other).marks), "the click inside became one outside"


def test_nobody_gets_the_mask_of_another_person_client_image_or_model():
    masks = MasksSoFar()
    masks.keep(ADA, so_far("5 5"))
    others = [
        Asker("Grace", ADA.client, ADA.image, ADA.model),
        Asker("Ada", "other", ADA.image, ADA.model),
        Asker("Ada", ADA.client, "1.2.4", ADA.model),
        Asker("Ada", ADA.client, ADA.image, "random_walker"),
    ]
    assert masks.get(ADA) == so_far("5 5") and not any(masks.get(other) for other in others)


def test_what_was_kept_longest_goes_when_there_is_too_much():
    masks = MasksSoFar(most_runs=6)
    askers = [Asker(str(number), "", "", "") for number in range(3)]
    for asker in (askers[0], askers[1], askers[0]):
        masks.keep(asker, so_far("5 5"))
    assert len(masks) == 2
    masks.keep(askers[2], so_far("5 5"))
    assert masks.get(askers[1]) is None and masks.get(askers[0]) and len(masks) == 2
    masks.keep(askers[0], so_far(*map(str, range(9))))
    assert len(masks) == 0, "one that is too large alone is not kept"


def test_an_outline_that_was_asked_for_again_is_kept_longer():
    masks = MasksSoFar(most_kept=2)
    askers = [Asker(str(number), "", "", "") for number in range(3)]
    for asker in askers[:2]:
        masks.keep(asker, SoFar(frozenset(), RunLengths(None)))
    masks.get(askers[0])
    masks.keep(askers[2], SoFar(frozenset(), RunLengths(None)))
    assert [masks.get(asker) is None for asker in askers] == [False, True, False], "empty outlines take room too"


def test_what_a_session_was_answered_is_forgotten_with_it():
    masks = MasksSoFar()
    others = Asker("Ada", "another", "", "click_unet")
    for asker in (ADA, Asker("Ada", ADA.client, "", "random_walker"), others):
        masks.keep(asker, so_far("5 5"))
    masks.forget(ADA.client)
    assert len(masks) == 1 and masks.get(others)
