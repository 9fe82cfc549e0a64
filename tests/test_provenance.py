"""A result says where it comes from."""

import json

import pytest

from mammoseg.files import sha256_of_file
from mammoseg.provenance import LOCK_FILE, collect_provenance, doubt_of


def test_provenance_has_the_digests_of_datalist_config_and_lock(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.json").write_text("{}")
    (tmp_path / "datalist.json").write_text(json.dumps({"source": "phantom"}))
    found = collect_provenance(bundle_root=tmp_path, datalist=tmp_path / "datalist.json", seed=7)
    assert found["datalist_sha256"] == sha256_of_file(tmp_path / "datalist.json")
    assert found["config_sha256"] == sha256_of_file(tmp_path / "configs" / "train.json")
    assert found["lock_sha256"] == sha256_of_file(LOCK_FILE)
    assert (found["seed"], found["source"], found["bundle"]) == (7, "phantom", tmp_path.name)
    assert found["versions"].keys() == {"mammoseg", "monai", "torch", "numpy"}


OURS = {"source": "cbis_ddsm", "datalist_sha256": "ab"}


def test_an_evaluation_of_images_that_the_weights_may_know_is_doubted():
    weights = {"source": "cbis_ddsm", "datalist_sha256": "cd", "data": "all but fold 0"}
    said = doubt_of({**OURS, "started_from": weights})
    assert "may have seen those that are scored here" in said and said.endswith("trained on: all but fold 0.")
    assert "trained on" not in doubt_of({**OURS, "started_from": {"source": "cbis_ddsm"}})


@pytest.mark.parametrize("weights", [None, OURS, {"source": "inbreast", "datalist_sha256": "cd"}])
def test_an_evaluation_of_the_split_that_trained_the_weights_or_of_other_data_is_not(weights):
    assert doubt_of({**OURS, "started_from": weights}) is None
