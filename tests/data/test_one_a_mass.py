"""One record for each mass, and a sentence where nobody knows which is which."""

import json

import pytest

from mammoseg.data.one_a_mass import split_by_mass
from mammoseg.errors import WrongCallError


def record(image_id: str, *masks: str, has_mass: bool = True, known: bool = True) -> dict:
    instances = json.dumps(list(masks)) if known else ""
    return {"image_id": image_id, "label": "/fused.png", "instances": instances, "has_mass": has_mass, "fold": 3}


def test_each_mass_is_a_record_with_its_own_mask_and_an_image_without_one_is_left_out():
    records = [record("a", "/a_1.png", "/a_2.png"), record("b", has_mass=False, known=False), record("c", "/c.png")]
    masses = split_by_mass(records)
    assert [(mass["image_id"], mass["label"]) for mass in masses] == [
        ("a.mass-1", "/a_1.png"),
        ("a.mass-2", "/a_2.png"),
        ("c.mass-1", "/c.png"),
    ]
    assert json.loads(masses[1]["instances"]) == ["/a_2.png"] and masses[1]["fold"] == 3


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([record("a", "/a.png"), record("b", known=False)], r"1 of 2 images \(first b\) have no mask of each mass"),
        ([record("a", has_mass=False)], "not one of 1 image has a mass"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(records, said):
    with pytest.raises(WrongCallError, match=said):
        split_by_mass(records)
