"""Sites of a simulated federation: who has which patients, and that NVFlare carries weights between them."""

import json
from pathlib import Path

import pytest

from mammoseg.data.datalist import SECTIONS, load_section
from mammoseg.errors import WrongCallError
from mammoseg.training import federation
from mammoseg.training.federation import simulate_federation, split_among_sites
from tests.tiny_run import write_tiny_dataset


@pytest.fixture
def dataset(tmp_path):
    return write_tiny_dataset(tmp_path / "data")


def patients(folder: Path, section: str) -> list[str]:
    return [record["patient_id"] for record in json.loads((folder / "datalist.json").read_text())[section]]


def test_each_training_patient_is_at_one_site_and_the_other_sections_are_at_all(dataset, tmp_path):
    split_among_sites(dataset / "datalist.json", tmp_path / "out", 3)
    sites = [tmp_path / "out" / f"site-{number}" for number in (1, 2, 3)]
    assert sorted(one for site in sites for one in patients(site, "training")) == sorted(patients(dataset, "training"))
    assert [len(patients(site, "training")) for site in sites] == [2, 2, 2]
    for site in sites:
        assert patients(site, "validation") == patients(dataset, "validation")
        for section in SECTIONS:
            for record in load_section(site / "datalist.json", section):
                assert Path(record["image"]).is_file() and Path(record["label"]).is_file()


def test_more_sites_than_patients_are_refused(dataset, tmp_path):
    with pytest.raises(WrongCallError, match="has 6 training patients; name at most so many sites, not 7"):
        split_among_sites(dataset / "datalist.json", tmp_path / "out", 7)


def test_without_nvflare_one_sentence_says_how_to_install_it(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(federation, "find_spec", lambda name: None)
    with pytest.raises(WrongCallError, match=r"needs NVFlare, .*pip install '\.\[fl\]'"):
        simulate_federation(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # NVFlare's own
def test_sites_and_one_that_sees_all_begin_alike_take_as_many_steps_and_end_apart(dataset, tmp_path):
    pytest.importorskip("nvflare", reason="needs NVFlare: pip install '.[fl]'")
    small = {"spatial_size": [32, 32], "batch_size": 2, "network_def::channels": [4, 8], "lr": 0.01}
    rows = simulate_federation(dataset, tmp_path / "out", rounds=2, **small)
    assert [row["round"] for row in rows] == [0, 1, 2]
    assert [row["site_steps"] for row in rows] == [row["central_steps"] for row in rows] == [0, 3, 6]
    assert rows[0]["federated"] == rows[0]["central"]
    assert (tmp_path / "out" / "curve.csv").is_file()
