"""The label server lists what archives have that know fewer search keys than Orthanc."""

import pydicom
import pytest

from tests.archives.fake_archive import fake_archive
from tests.archives.made_study import write_view
from tests.archives.other_archive import OtherArchive, find_nothing, refuse
from tests.label.made_store import opened


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("by_modality", [refuse(400), find_nothing], ids=["HTTP 400", "an empty list"])
@pytest.mark.parametrize("instances_of_study", [None, refuse(400), find_nothing], ids=["bare", "HTTP 400", "nothing"])
def test_mammograms_are_listed_and_fetched_and_other_images_are_not(by_modality, instances_of_study, tmp_path):
    views = [write_view(tmp_path, 1, study="1"), write_view(tmp_path, 2, study="2", attributes={"Modality": "CT"})]
    held = OtherArchive(views, by_modality=by_modality, instances_of_study=instances_of_study)
    mammogram = pydicom.dcmread(views[0]).SOPInstanceUID
    with fake_archive(held) as (archive, _), opened(archive.url, tmp_path / "state") as store:
        assert store.list_images() == [mammogram]
        assert pydicom.dcmread(store.get_image_uri(mammogram)).SOPInstanceUID == mammogram
        assert store.status()["trouble"] == ""
