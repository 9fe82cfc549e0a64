"""The mask so far of clients that send prompts alone: whose it is, when it counts, and how much is kept."""

import numpy as np

from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.models.so_far import Asker, MasksSoFar, SoFar

ADA = Asker("Ada", "user-xyz", "1.2.3", "click_unet")


def so_far(*marks: str) -> SoFar:
    """A pixel: two runs, and one for each mark."""
    return SoFar(frozenset(marks), RunLengths.of(np.eye(1, dtype=bool)))


def test_a_request_goes_on_where_it_says_all_prompts_again_and_more():
    before = so_far("5 5", "9 9")
    assert before.goes_on_in(["9 9", "5 5", "7 7"])
    assert not before.goes_on_in(["5 5", "9 9"]), "asked again, it is answered as before"
    assert not before.goes_on_in(["5 5", "7 7"]), "one was taken back"
    assert not before.goes_on_in([])


def test_nobody_gets_the_mask_of_another_person_client_image_or_model():
    masks = MasksSoFar()
    masks.keep(ADA, so_far("5 5"))
    others = [
        Asker("Grace", ADA.client, ADA.image, ADA.model),
        Asker("Ada", "other", ADA.image, ADA.model),
        Asker("Ada", ADA.client, "1.2.4", ADA.model),
        Asker("Ada", ADA.client, ADA.image, "random_walker"),
    ]
    assert masks.of(ADA) == so_far("5 5") and not any(masks.of(other) for other in others)


def test_what_was_kept_longest_goes_when_there_is_too_much():
    masks = MasksSoFar(most_runs=6)
    askers = [Asker(str(number), "", "", "") for number in range(3)]
    for asker in (askers[0], askers[1], askers[0]):
        masks.keep(asker, so_far("5 5"))
    assert len(masks) == 2
    masks.keep(askers[2], so_far("5 5"))
    assert masks.of(askers[1]) is None and masks.of(askers[0]) and len(masks) == 2
    masks.keep(askers[0], so_far(*map(str, range(9))))
    assert len(masks) == 0, "one that is too large alone is not kept"
