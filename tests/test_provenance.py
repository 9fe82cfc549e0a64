"""A result says where it comes from."""

import json

import pytest

from mammoseg.files import hash_file
from mammoseg.provenance import (
    FILM_WARNING,
    LOCK_FILE,
    PHANTOM_WARNING,
    collect_provenance,
    find_doubt,
    find_source,
    find_warning,
    warn_of_doubt,
)


def test_provenance_has_the_digests_of_datalist_config_and_lock(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.json").write_text("{}")
    (tmp_path / "datalist.json").write_text(json.dumps({"source": "phantom"}))
    found = collect_provenance(bundle_root=tmp_path, datalist=tmp_path / "datalist.json", seed=7)
    assert found["datalist_sha256"] == hash_file(tmp_path / "datalist.json")
    assert found["config_sha256"] == hash_file(tmp_path / "configs" / "train.json")
    assert found["lock_sha256"] == hash_file(LOCK_FILE)
    assert (found["seed"], found["source"], found["bundle"]) == (7, "phantom", tmp_path.name)
    assert found["versions"].keys() == {"mammoseg", "monai", "torch", "numpy"}
    assert not {"fold", "chosen_on"} & found.keys()  # as a config of an earlier version, which does not say it


def test_provenance_has_the_fold_and_the_section_that_chose(tmp_path):
    (tmp_path / "datalist.json").write_text(json.dumps({"source": "phantom"}))
    choices = {"fold": None, "chosen_on": "test"}
    found = collect_provenance(bundle_root=tmp_path, datalist=tmp_path / "datalist.json", seed=7, choices=choices)
    assert found["fold"] is None and found["chosen_on"] == "test"


OURS = {"source": "cbis_ddsm", "datalist_sha256": "ab"}


def test_an_evaluation_of_images_that_the_weights_may_know_is_doubted():
    weights = {"source": "cbis_ddsm", "datalist_sha256": "cd", "data": "all but fold 0"}
    said = find_doubt({**OURS, "started_from": weights})
    assert "may have seen those that are scored here" in said and said.endswith("trained on: all but fold 0.")
    assert "trained on" not in find_doubt({**OURS, "started_from": {"source": "cbis_ddsm"}})


def test_a_mean_is_doubted_for_one_member_that_may_know_the_images(capsys):
    members = [OURS, {"source": "cbis_ddsm", "datalist_sha256": "cd", "data": "all of it"}]
    provenance = {**OURS, "started_from": members}
    assert find_doubt({**OURS, "started_from": members[:1]}) is None
    assert find_doubt(provenance).endswith("trained on: all of it.")
    warn_of_doubt(provenance, run="mean")
    assert capsys.readouterr().err == f"WARNING: mean: {find_doubt(provenance)}\n"


def test_what_must_be_said_of_a_mean_in_one_file_is_what_must_be_said_of_its_members():
    mean = {"bundle": "unet", "members": [{"source": "inbreast"}, {"source": "phantom"}, OURS, OURS]}
    assert find_source(mean) == "inbreast+phantom+cbis_ddsm"
    assert find_warning(mean) == f"{PHANTOM_WARNING} {FILM_WARNING}"
    assert find_doubt({**OURS, "started_from": mean}) is None
    mean["members"].append({"source": "cbis_ddsm", "data": "all of it"})
    assert find_doubt({**OURS, "started_from": mean}).endswith("trained on: all of it.")


@pytest.mark.parametrize("members", [None, "ab", 3, [], ["a"], {"source": "phantom"}])
def test_members_that_are_none_change_nothing(members):
    assert find_source({"source": "cbis_ddsm", "members": members}) == "cbis_ddsm"


def test_images_of_the_training_section_are_no_held_out_ones():
    assert "trained on what is scored here" in find_doubt({**OURS, "section": "training", "started_from": OURS})
    assert find_doubt({**OURS, "section": "validation", "started_from": OURS}) is None


@pytest.mark.parametrize(
    ("trained", "section", "scored", "said"),
    [
        (0, "validation", 1, "These weights (fold 0) were trained on images that are scored here (fold 1)"),
        (None, "validation", 1, "These weights (no fold) were trained on images that are scored here (fold 1)"),
        (0, "validation", None, "These weights (fold 0) were trained on images that are scored here (no fold)"),
        (0, "validation", 0, None),
        (None, "validation", None, None),
        (0, "test", None, None),
        (0, "test", 1, None),
    ],
)
def test_images_of_another_fold_are_no_held_out_ones(trained, section, scored, said):
    weights = {**OURS, "fold": trained}
    found = find_doubt({**OURS, "section": section, "fold": scored, "started_from": weights})
    assert found == (said and f"{said}; this is no score of held-out patients.")


@pytest.mark.parametrize("weights", [None, OURS, {"source": "inbreast", "datalist_sha256": "cd"}])
def test_an_evaluation_of_the_split_that_trained_the_weights_or_of_other_data_is_not(weights):
    assert find_doubt({**OURS, "started_from": weights}) is None
