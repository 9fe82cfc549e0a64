"""A result says where it comes from."""

import json

from mammoseg.files import sha256_of_file
from mammoseg.provenance import LOCK_FILE, collect_provenance


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
