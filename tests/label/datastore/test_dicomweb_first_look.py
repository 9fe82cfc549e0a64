"""The first look at an archive asks for a few studies at once, and ends when the archive does."""

import threading
import time
from collections import Counter

import pytest

from mammoseg.archives.dicomweb.client import ArchiveError
from monailabel_app.lib.datastore.dicomweb import STUDIES_AT_ONCE
from tests.archives.fake_archive import dicom_json, fake_archive
from tests.label.made_store import opened

STUDIES = 40


class Asked:
    """An archive of `STUDIES` studies with one mammogram each, and how it was asked for them."""

    def __init__(self, *, broken: str = "") -> None:
        self.broken = broken
        self.at_once = self.most_at_once = 0
        self.studies: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._are_two = threading.Event()

    def __call__(self, request) -> None:
        if "offset=0" not in request.path:
            request.reply_json([])
        elif "instances" not in request.path:
            request.reply_json([self._study(number) for number in range(STUDIES)])
        else:
            self._instances(request, request.path.split("/studies/")[1].split("/")[0])

    def _study(self, number: int) -> dict:
        return {**dicom_json(t0020000D=f"1.2.{number}"), "00201208": {"vr": "IS", "Value": [1]}}

    def _instances(self, request, study: str) -> None:
        with self._lock:
            self.studies[study] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.most_at_once > 1:
                self._are_two.set()
        self._are_two.wait(60)
        if self.broken and study != self.broken:
            time.sleep(0.5)  # in which the other one's answer ends the look
        with self._lock:
            self.at_once -= 1
        image = {"t00080016": "1.2.840.10008.5.1.4.1.1.1.2", "t00080060": "MG"}
        uids = {"t0020000E": f"{study}.1", "t00080018": f"{study}.1.1"}
        request.reply_json("no list" if study == self.broken else [dicom_json(**image, **uids)])


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_few_studies_are_asked_for_at_once_and_each_only_once(tmp_path):
    asked = Asked()
    with fake_archive(asked) as (fake, _), opened(fake.url, tmp_path / "state") as store:
        assert store.list_images() == sorted(f"1.2.{number}.1.1" for number in range(STUDIES))
        store.refresh()
    assert 1 < asked.most_at_once <= STUDIES_AT_ONCE
    assert set(asked.studies.values()) == {1} and len(asked.studies) == STUDIES


def test_an_archive_that_talks_nonsense_of_one_study_is_not_asked_for_the_others(tmp_path):
    asked = Asked(broken="1.2.0")
    with fake_archive(asked) as (fake, _), opened(fake.url, tmp_path / "state") as store:
        with pytest.raises(ArchiveError, match="answers a search with no DICOM JSON"):
            store.list_images()
    assert len(asked.studies) <= 3 * STUDIES_AT_ONCE
