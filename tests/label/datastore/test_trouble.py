"""Poison in the state folder, a full disk, two clients at one moment: nothing stops a server, no failed save stays."""

import gzip
import json
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pydicom
import pytest

from mammoseg.errors import InputRefusedError, MammosegError
from monailabel_app.lib.datastore import InstanceDatastore, files
from monailabel_app.lib.datastore.index import Index
from monailabel_app.lib.disk import check_room, is_full
from tests.full_disk import files_up_to
from tests.label.made_store import as_slicer_writes, made_mask, mask_of, opened, write_views


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four views, and a key of patients' codes for the test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write_views(tmp_path / "studies")
    return tmp_path / "studies"


@pytest.fixture
def store(studies: Path, tmp_path: Path) -> Iterator[InstanceDatastore]:
    with opened(studies, tmp_path / "state") as store:
        store.list_images()
        yield store


def upload_for(store: InstanceDatastore, image_id: str, path: Path) -> Path:
    """A right label of an image, as a file."""
    image = pydicom.dcmread(store.get_image_uri(image_id))
    return as_slicer_writes(made_mask((image.Rows, image.Columns)), Path(store.get_image_uri(image_id)), path)


def state_of(store: InstanceDatastore) -> Path:
    return store._folder


def colours() -> bytes:
    """A NIfTI of type RGB24, of the size of the first view."""
    return nibabel.Nifti1Image(np.zeros((30, 40, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")]), np.eye(4)).to_bytes()


def far_offset() -> bytes:
    """A NIfTI whose pixels lie 3e38 bytes behind its header."""
    content = bytearray(nibabel.Nifti1Image(np.zeros((30, 40, 1), np.uint8), np.eye(4)).to_bytes())
    content[108:112] = struct.pack("<f", 3e38)
    return bytes(content)


def wrong_checksum() -> bytes:
    content = bytearray(gzip.compress(nibabel.Nifti1Image(np.zeros((30, 40, 1), np.uint8), np.eye(4)).to_bytes()))
    content[-8] ^= 1
    return bytes(content)


POISON = {
    "25 bytes of gzip": gzip.compress(b"hello"),
    "colours": colours(),
    "an absurd offset": far_offset(),
    "a wrong checksum": wrong_checksum(),
}


@pytest.mark.parametrize("content", POISON.values(), ids=POISON)
@pytest.mark.parametrize("tag", ["final", "original"])
def test_a_poisonous_label_is_refused_and_leaves_nothing(store, tmp_path, content, tag):
    (tmp_path / "poison.nii.gz").write_bytes(content)
    (image_id,) = (image for image in store.list_images() if "LCC" in store.get_image_uri(image))
    with pytest.raises(InputRefusedError, match="E_"):
        store.save_label(image_id, str(tmp_path / "poison.nii.gz"), tag, {})
    assert store.get_labels_by_image_id(image_id) == {} and store.spool.list_entries() == []
    left = [path for name in ("spool", "labels") for path in (state_of(store) / name).rglob("*") if path.is_file()]
    assert left == []


BAD_ENTRIES = {
    "no JSON": b"{",
    "no text": b"\xff\xfe",
    "no entry": b"[]",
    "too little": b'{"number": 5}',
    "another number": b'{"number": 6, "image_id": "1", "label_id": "2", "seconds": 1}',
    "a wrong kind": b'{"number": 5, "image_id": "1", "label_id": "2", "seconds": []}',
}


@pytest.mark.parametrize("content", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_a_bad_entry_of_the_spool_is_set_aside_with_its_upload_and_told(studies, tmp_path, caplog, content):
    with opened(studies, tmp_path / "state") as store:
        spool = state_of(store) / "spool"
    (spool / "5.json").write_bytes(content)
    (spool / "5.upload").write_bytes(b"what a person drew")
    for _ in range(2):  # and again at the next start
        with opened(studies, tmp_path / "state") as store:
            assert store.status()["trouble"] == "1 label could not be used; see set_aside in the state folder."
            assert store.spool.list_entries() == [] and len(store.list_images()) == 4
    kept = {path.name: path.read_bytes() for path in (state_of(store) / "set_aside" / "5").iterdir()}
    assert kept.pop("why.txt").startswith(b"5.json in the spool is no entry of it")
    assert kept == {"5.json": content, "5.upload": b"what a person drew"}
    assert "kept in" in caplog.text and "5.json in the spool is no entry" in caplog.text


@pytest.mark.parametrize("content", POISON.values(), ids=POISON)
def test_a_poisonous_upload_that_an_earlier_server_left_is_set_aside_and_the_others_become_labels(
    studies, tmp_path, content
):
    with opened(studies, tmp_path / "state") as store:
        first, second = store.list_images()[:2]
        (tmp_path / "poison").write_bytes(content)
        facts = {"seconds": 1.0, "user": "ada"}
        store.spool.accept(tmp_path / "poison", image_id=first, label_id="1.2.3", **facts)
        store.spool.accept(
            upload_for(store, second, tmp_path / "good.nrrd"), image_id=second, label_id="1.2.4", **facts
        )
    with opened(studies, tmp_path / "state") as store:
        assert store.get_labeled_images() == [second] and store.spool.list_entries() == []
        assert mask_of(store, second).any() and store.get_label_info("1.2.4", "final")["user"] == "ada"
        assert store.status()["trouble"].startswith("1 label could not be used")
    (kept,) = (state_of(store) / "set_aside").iterdir()
    assert content in {path.read_bytes() for path in kept.iterdir()}


def test_an_entry_of_an_earlier_version_is_finished(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        facts = {"image_id": image_id, "label_id": "1.2.3", "seconds": 1.0}
        entry = store.spool.accept(upload_for(store, image_id, tmp_path / "good.nrrd"), **facts)
        path = state_of(store) / "spool" / f"{entry.number}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "is_built": False}))
    with opened(studies, tmp_path / "state") as store:
        assert store.get_label_by_image_id(image_id, "final") == "1.2.3"


def test_a_label_waits_while_its_image_cannot_be_read(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        image = Path(store.get_image_uri(image_id))
        facts = {"image_id": image_id, "label_id": "1.2.3", "seconds": 1.0}
        store.spool.accept(upload_for(store, image_id, tmp_path / "good.nrrd"), **facts)
    image.rename(tmp_path / "away")
    with opened(studies, tmp_path / "state", refresh_seconds="3600") as store:
        assert "the image of the label cannot be read now: E_NOT_A_FILE" in store.spool.list_entries()[0].trouble
    (tmp_path / "away").rename(image)
    with opened(studies, tmp_path / "state") as store:
        assert store.get_label_by_image_id(image_id, "final") == "1.2.3"


def test_labels_in_the_store_that_are_none_are_set_aside_when_the_index_is_made_anew(studies, tmp_path):
    cv2.imwrite(str(studies / "picture.png"), np.arange(1200).reshape(40, 30).astype(np.uint16))
    with opened(studies, tmp_path / "state") as store:
        state, ids = state_of(store), store.list_images()
        saved = {image_id: upload_for(store, image_id, tmp_path / f"{image_id}.nrrd") for image_id in ids[:1]}
        label_id = store.save_label(ids[0], str(saved[ids[0]]), "final", {})
        cv2.imwrite(str(tmp_path / "p.png"), made_mask((40, 30)).astype(np.uint8))
        of_picture = store.save_label("picture", str(tmp_path / "p.png"), "final", {})
    (state / "labels" / "final" / f"{label_id}.dcm").write_bytes(b"no DICOM")
    (state / "labels" / "final" / f"{of_picture}.json").write_text("[")
    for file in state.glob("index.sqlite3*"):
        file.unlink()
    with opened(studies, tmp_path / "state") as store:
        assert len(store.list_images()) == 5 and store.get_labeled_images() == []
        assert store.status()["trouble"] == "2 labels could not be used; see set_aside in the state folder."
    assert {path.name for path in (state / "set_aside").iterdir()} == {label_id, of_picture}
    assert (state / "set_aside" / of_picture / f"{of_picture}.nii.gz").is_file()


def test_a_lack_of_memory_sets_no_good_label_aside(studies, tmp_path, monkeypatch):
    with opened(studies, tmp_path / "state") as store:
        state, image_id = state_of(store), store.list_images()[0]
        label_id = store.save_label(image_id, str(upload_for(store, image_id, tmp_path / "l.nrrd")), "final", {})

    def lacks(path: Path, source: str) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(files, "require_label_row", lacks)
        with pytest.raises(MemoryError):
            store.files.find_again(set())
    assert (state / "labels" / "final" / f"{label_id}.dcm").is_file()
    assert [row.label_id for row in store.files.find_again(set())] == [label_id]


def test_half_a_character_that_an_earlier_server_took_spoils_no_list(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        index, image_id = state_of(store) / "index.sqlite3", store.list_images()[0]
    with sqlite3.connect(index) as connection:
        text = json.dumps({"note": "a\ud800b", "whole": "\U0001f600"})
        connection.execute("INSERT INTO infos VALUES ('image', ?, ?)", (image_id, text))
    with opened(studies, tmp_path / "state") as store:
        assert store.get_image_info(image_id)["note"] == "a?b"
        assert "\U0001f600" in json.dumps(store.json(), ensure_ascii=False).encode().decode()


def test_nothing_is_noted_that_no_answer_can_hold(store):
    image_id = store.list_images()[0]
    for value in ("\ud800", float("nan")):
        with pytest.raises(ValueError):
            store.update_image_info(image_id, {"note": value})
    with pytest.raises(InputRefusedError, match="more than 1048576 characters"):
        store.update_image_info(image_id, {"note": "x" * 2**20})
    assert "note" not in store.get_image_info(image_id)


def test_a_save_that_ends_while_the_waiting_labels_are_listed_disturbs_nobody(store, tmp_path, monkeypatch):
    image_id = store.list_images()[0]
    upload = upload_for(store, image_id, tmp_path / "good.nrrd")
    entry = store.spool.accept(upload, image_id=image_id, label_id="1.2.3", seconds=1.0)
    listed = Path.glob

    def end_after_listing(folder: Path, pattern: str) -> Iterator[Path]:
        found = list(listed(folder, pattern))
        store.spool.drop(entry)
        return iter(found)

    monkeypatch.setattr(Path, "glob", end_after_listing)
    assert store.status()["labels_waiting"] in (0, 1)
    assert store.save_label(image_id, str(upload), "final", {})


def test_a_label_whose_save_ends_while_the_waiting_ones_are_gone_through_is_not_begun_again(
    store, tmp_path, monkeypatch
):
    image_id = store.list_images()[0]
    upload = upload_for(store, image_id, tmp_path / "good.nrrd")
    store.spool.accept(upload, image_id=image_id, label_id="1.2.3", seconds=1.0)
    (ended,) = store.spool.list_entries()
    store.spool.drop(ended)
    with monkeypatch.context() as patch:
        patch.setattr(store.spool, "list_entries", lambda: [ended])
        store.saver.finish_waiting()
    assert store.get_labeled_images() == [] and list((state_of(store) / "spool").iterdir()) == []
    assert store.status()["trouble"] == ""


def index_is_full(store: InstanceDatastore) -> AbstractContextManager[None]:
    """Every file of a save has room, but not the journal of the index, to which each change is appended."""
    for number in range(20):
        store.index.change("INSERT INTO sources VALUES (?, ?)", f"filling {number}", "x" * 4000)
    store.index.change("DELETE FROM sources WHERE source LIKE 'filling %'")
    return files_up_to((state_of(store) / "index.sqlite3-wal").stat().st_size)


FULL: dict[str, Callable[[InstanceDatastore], AbstractContextManager[None]]] = {
    "while the upload is kept": lambda store: files_up_to(50),
    "while its entry is written": lambda store: files_up_to(230),
    "while the label is written": lambda store: files_up_to(2000),
    "while the label is listed": index_is_full,
}


@pytest.mark.parametrize("full", FULL.values(), ids=FULL)
def test_a_save_that_the_full_disk_fails_has_failed_at_the_next_start_too(studies, tmp_path, full):
    with opened(studies, tmp_path / "state") as store:
        (image_id,) = (image for image in store.list_images() if "LCC" in store.get_image_uri(image))
        upload = tmp_path / "good.png"
        cv2.imwrite(str(upload), made_mask((40, 30)).astype(np.uint8))
        assert 50 < upload.stat().st_size < 230
        with full(store), pytest.raises((OSError, sqlite3.Error)) as error:
            store.save_label(image_id, str(upload), "final", {})
        assert is_full(error.value)
        assert store.status()["labels_waiting"] == 0
    with opened(studies, tmp_path / "state") as store:
        assert store.get_labeled_images() == [] and store.status()["trouble"] == ""
        assert [path for path in (state_of(store) / "labels").rglob("*") if path.is_file()] == []
        assert store.save_label(image_id, str(upload), "final", {}), "there is room again"


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_label_whose_effort_cannot_be_counted_is_saved(store, tmp_path, caplog):
    image_id = store.list_images()[0]
    store.work.on_saved = fail
    label_id = store.save_label(image_id, str(upload_for(store, image_id, tmp_path / "l.nrrd")), "final", {})
    assert store.get_label_by_image_id(image_id, "final") == label_id and mask_of(store, image_id).any()
    assert "the effort of a label is not counted: OSError at " in caplog.text


def test_of_a_label_that_failed_after_it_was_listed_nothing_is_left(store, tmp_path, monkeypatch):
    image_id = store.list_images()[0]
    upload = upload_for(store, image_id, tmp_path / "l.nrrd")
    monkeypatch.setattr(store.saver, "_deliver", fail)
    with pytest.raises(OSError, match="No space"):
        store.save_label(image_id, str(upload), "final", {})
    assert store.get_labeled_images() == [] and store.index.list_infos("label final") == {}
    assert [path for name in ("spool", "labels") for path in (state_of(store) / name).rglob("*.*")] == []


def test_an_image_that_the_full_disk_fails_is_not_added(store, studies, tmp_path):
    new, *_ = write_views(tmp_path / "more", patient="NEW")
    with index_is_full(store), pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        store.add_image("", str(new), {"a": 1})
    store.refresh()
    assert len(store.list_images()) == 4 and len(list(studies.rglob("*.dcm"))) == 4


def test_a_start_on_a_full_disk_names_it_and_does_not_blame_the_index(tmp_path):
    with files_up_to(1000), pytest.raises(MammosegError, match=r"cannot be written \(File too large\); make room"):
        check_room(tmp_path)
    with files_up_to(1000), pytest.raises(MammosegError, match="cannot be opened .*; make room on its disk"):
        Index(tmp_path / "index.sqlite3")
    (tmp_path / "other.sqlite3").write_bytes(b"no database " * 100)
    with pytest.raises(MammosegError, match="is damaged .*; move it away"):
        Index(tmp_path / "other.sqlite3")
    check_room(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".sqlite3"]


def test_a_look_at_the_images_that_the_full_disk_fails_is_told_and_the_next_one_succeeds(studies, tmp_path):
    with opened(studies, tmp_path / "state", refresh_seconds="0") as store:
        store.refresh()
        write_views(studies / "more", patient="NEW")
        with index_is_full(store), pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            store.refresh()
        assert "the disk of the server is full" in store._refresher.trouble
        store.refresh()
        assert len(store.list_images()) == 8 and store.status()["trouble"] == ""


def write_picture(path: Path, shape: tuple[int, int], *, seed: int = 0, age: float = 60) -> Path:
    """A picture that was written `age` seconds ago."""
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, shape, np.uint8))
    os.utime(path, times=(time.time() - age,) * 2)
    return path


@contextmanager
def labelled_picture(folder: Path, *, with_digest: bool = True) -> Iterator[tuple[InstanceDatastore, Path, str]]:
    """A store that is open, its one picture, 40 x 30, and the picture's label, whose mask was asked for."""
    upload = folder / "upload.png"
    cv2.imwrite(str(upload), made_mask((40, 30)).astype(np.uint8))
    (folder / "pictures").mkdir()
    picture = write_picture(folder / "pictures" / "P_1.png", (40, 30))
    with opened(picture.parent, folder / "state", refresh_seconds="0") as store:
        label_id = store.save_label(*store.list_images(), str(upload), "final", {"user": "ada"})
        assert len(store.list_human_labels()) == 1
        about = state_of(store) / "labels" / "final" / f"{label_id}.json"
        if not with_digest:
            content = json.loads(about.read_text())
            del content["image_sha256"]
            about.write_text(json.dumps(content))
        yield store, picture, label_id


@pytest.mark.parametrize(
    ("shape", "with_digest"), [((64, 50), True), ((40, 30), True), ((64, 50), False)], ids=["size", "digest", "old"]
)
def test_a_picture_that_takes_the_place_of_another_has_not_its_label(tmp_path, shape, with_digest):
    with labelled_picture(tmp_path, with_digest=with_digest) as (store, picture, label_id):
        write_picture(picture, shape, seed=1)
        store.refresh()
        assert store.get_labeled_images() == store.list_human_labels() == []
        assert "1 label could not be used" in store.status()["trouble"]
        files = {path.name for path in (state_of(store) / "set_aside" / label_id).iterdir()}
        assert files == {"why.txt", f"{label_id}.nii.gz", f"{label_id}.json"}
    for file in state_of(store).glob("index.sqlite3*"):
        file.unlink()
    with opened(picture.parent, tmp_path / "state") as store:
        assert store.list_images() and store.get_labeled_images() == []


def test_a_picture_that_was_replaced_while_no_server_ran_has_not_the_label_even_without_the_index(tmp_path):
    with labelled_picture(tmp_path) as (store, picture, _):
        pass
    write_picture(picture, (40, 30), seed=1)
    for file in state_of(store).glob("index.sqlite3*"):
        file.unlink()
    with opened(picture.parent, tmp_path / "state") as store:
        assert store.list_images() and store.get_labeled_images() == []


def test_a_label_that_a_killed_server_had_set_aside_in_part_goes_at_the_next_look(tmp_path):
    with labelled_picture(tmp_path) as (store, picture, label_id):
        write_picture(picture, (40, 30), seed=1)
        aside = state_of(store) / "set_aside" / label_id
        aside.mkdir(parents=True)
        (state_of(store) / "labels" / "final" / f"{label_id}.nii.gz").rename(aside / f"{label_id}.nii.gz")
        store.refresh()
        assert store.get_labeled_images() == []
        assert {path.suffix for path in aside.iterdir()} == {".txt", ".gz", ".json"}


def test_a_label_that_was_set_aside_is_put_back_by_hand(tmp_path):
    with labelled_picture(tmp_path) as (store, picture, label_id):
        content = picture.read_bytes()
        write_picture(picture, (40, 30), seed=1)
        store.refresh()
        for path in (state_of(store) / "set_aside" / label_id).glob("[!w]*"):
            path.rename(state_of(store) / "labels" / "final" / path.name)
    picture.write_bytes(content)
    with opened(picture.parent, tmp_path / "state") as store:
        store.refresh()
        assert store.get_label_by_image_id("P_1", "final") == label_id


@pytest.mark.parametrize("with_digest", [True, False])
def test_a_picture_that_is_written_again_as_it_was_keeps_its_label(tmp_path, with_digest):
    with labelled_picture(tmp_path, with_digest=with_digest) as (store, picture, label_id):
        content = picture.read_bytes()
        if with_digest:
            picture.write_bytes(content[:500])  # half of it is there
            store.refresh()
        picture.write_bytes(content)
        store.refresh()
        assert [label["label_id"] for label in store.list_human_labels()] == [label_id]
        assert store.status()["trouble"] == ""


def test_a_mask_that_was_made_for_an_image_of_another_size_is_left_out(store, studies, tmp_path):
    image_id = store.list_images()[0]
    label_id = store.save_label(image_id, str(upload_for(store, image_id, tmp_path / "a.nrrd")), "final", {})
    assert len(store.list_human_labels()) == 1
    path = Path(store.get_image_uri(image_id))
    image = pydicom.dcmread(path)
    image.Rows, image.Columns = image.Columns, image.Rows
    image.save_as(path)
    assert store.list_human_labels() == []
    with pytest.raises(InputRefusedError, match="E_LABEL: the label is "):
        store.get_label_uri(label_id, "final")


def test_a_file_whose_name_is_no_text_spoils_no_list(studies, tmp_path):
    (studies / os.fsdecode(b"\xff.png")).write_bytes((studies / "LCC.dcm").read_bytes())
    with opened(studies, tmp_path / "state") as store:
        assert len(store.list_images()) == 4


def test_an_archive_that_was_never_sent_is_gone_at_the_next_start(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        left = Path(store.get_dataset_archive(None))
        assert left.is_file()
    with opened(studies, tmp_path / "state") as store:
        assert not left.exists() and not left.parent.exists()
