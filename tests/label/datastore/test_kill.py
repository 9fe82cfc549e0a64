"""A server that is killed between two steps of a save loses no label; at random moments: tests/kill."""

from pathlib import Path

import pydicom
import pytest

from monailabel_app.lib.datastore.set_aside import SetAside
from monailabel_app.lib.datastore.spool import Spool
from tests.label.lost_labels import lost_labels
from tests.label.made_store import as_slicer_writes, made_mask, opened, write_views


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four views, and an upload for each in ``uploads``."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "uploads").mkdir()
    for path in write_views(tmp_path / "studies"):
        image = pydicom.dcmread(path)
        mask = made_mask((image.Rows, image.Columns))
        as_slicer_writes(mask, path, tmp_path / "uploads" / f"{image.SOPInstanceUID}.nrrd")
    return tmp_path / "studies"


@pytest.mark.parametrize("moment", ["spooled", "written", "indexed"])
def test_a_label_is_finished_by_the_next_server_wherever_the_first_was_killed(studies, tmp_path, monkeypatch, moment):
    class Killed(BaseException):
        pass

    def kill(*_arguments: object, **_options: object) -> None:
        raise Killed

    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        place = {
            "spooled": (store.files, "write"),
            "written": (store.index, "put_saved"),
            "indexed": (store.spool, "drop"),
        }
        owner, name = place[moment]
        with monkeypatch.context() as patch:
            patch.setattr(type(owner), name, kill)
            with pytest.raises(Killed):
                store.save_label(image_id, str(tmp_path / "uploads" / f"{image_id}.nrrd"), "final", {})
        (waiting,) = store.spool.list_entries()
    with opened(studies, tmp_path / "state") as store:
        assert store.get_label_by_image_id(image_id, "final") == waiting.label_id
        assert store.spool.list_entries() == []
        assert lost_labels(store, [waiting.label_id, "1.2.3"]) == ["1.2.3"]


@pytest.mark.parametrize("moment", ["before the mask is there", "after it is"])
def test_of_what_a_model_drew_nothing_is_said_that_is_of_another_mask(studies, tmp_path, monkeypatch, moment):
    class Killed(BaseException):
        pass

    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        upload, path = tmp_path / "uploads" / f"{image_id}.nrrd", store.files.locate_original(image_id)
        store.save_label(image_id, str(upload), "original", {"model": "unet", "params": {"version": 1}})
        replace = Path.replace

        def kill(file: Path, target: Path) -> Path:
            if target != path:
                return replace(file, target)
            if moment == "after it is":
                replace(file, target)
            raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Path, "replace", kill)
            store.save_label(image_id, str(upload), "original", {"model": "unet", "params": {"version": 2}})
    with opened(studies, tmp_path / "state") as store:
        assert store.get_label_info(image_id, "original") == {}, "so a batch does it again, whatever is served"
        store.save_label(image_id, str(upload), "original", {"model": "unet", "params": {"version": 2}})
        assert store.get_label_info(image_id, "original")["params"] == {"version": 2}


def test_an_upload_whose_entry_was_never_written_is_removed(tmp_path):
    (tmp_path / "17.upload").write_bytes(b"half")
    assert Spool(tmp_path, SetAside(tmp_path / "other")).list_entries() == []
    assert list(tmp_path.iterdir()) == []


def test_entries_keep_their_order_when_the_clock_jumps_back(tmp_path, monkeypatch):
    (tmp_path / "upload").write_bytes(b"pixels")
    spool = Spool(tmp_path / "spool", SetAside(tmp_path))
    for moment in (5_000, 1_000):
        monkeypatch.setattr("monailabel_app.lib.datastore.spool.time.time_ns", lambda moment=moment: moment)
        spool.accept(tmp_path / "upload", image_id="1.2", label_id=f"1.{moment}", seconds=1.0)
    entries = Spool(tmp_path / "spool", SetAside(tmp_path)).list_entries()
    assert [entry.label_id for entry in entries] == ["1.5000", "1.1000"]
