"""Files appear whole or not at all."""

import json
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mammoseg.files import atomic_path, hash_file, hash_json, made_output, sole_writer, write_json


def test_file_appears_when_the_block_ends(tmp_path):
    with atomic_path(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "a" / "b.txt").exists()
    assert (tmp_path / "a" / "b.txt").read_text() == "whole"


def test_failed_block_leaves_the_old_content_and_no_rest(tmp_path):
    (tmp_path / "b.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "b.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"


def test_an_error_beside_a_file_system_that_tells_no_sizes_is_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    sizes = os.statvfs(tmp_path).__class__((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: sizes)
    with pytest.raises(ValueError, match="its own"), atomic_path(tmp_path / "a"):
        raise ValueError("its own")


def test_an_error_is_told_though_the_folder_is_gone(tmp_path):
    with pytest.raises(ValueError, match="its own"), atomic_path(tmp_path / "folder" / "a") as temporary:
        temporary.unlink()
        temporary.parent.rmdir()
        raise ValueError("its own")


def test_a_lock_whose_file_goes_while_it_is_looked_at_is_made_anew(tmp_path, monkeypatch):
    lock, fstat = tmp_path / "lock", os.fstat

    def take_away(handle):
        monkeypatch.undo()
        lock.unlink()
        return fstat(handle)

    monkeypatch.setattr(os, "fstat", take_away)
    with sole_writer(tmp_path, lock):
        assert lock.exists()


def test_of_two_writers_the_first_one_stays_where_it_is_asked_for_and_else_the_last(tmp_path):
    for first_stays, kept in ((True, "first"), (False, "last")):
        with atomic_path(tmp_path / "a.txt", first_stays=first_stays) as temporary:
            temporary.write_text("last")
            (tmp_path / "a.txt").write_text("first")
        assert (tmp_path / "a.txt").read_text() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_first_file_stays_on_a_file_system_without_links_too(tmp_path, no_links):
    for content in ("first", "last"):
        with atomic_path(tmp_path / "a.txt", first_stays=True) as temporary:
            temporary.write_text(content)
    assert (tmp_path / "a.txt").read_text() == "first"


def test_json_is_read_back_equal(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Ä", "values": [1, 2.5, None]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "Ä", "values": [1, 2.5, None]}


def test_digest_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert hash_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_json_does_not_depend_on_the_order_of_keys():
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1}) != hash_json({"a": 2, "b": 1})


def test_a_block_that_fails_leaves_no_empty_folder_that_was_made_for_it(tmp_path):
    (tmp_path / "stood").mkdir()
    for folder in (tmp_path / "a" / "b", tmp_path / "stood"):
        with (
            pytest.raises(ValueError, match="refused"),
            made_output(folder),
            sole_writer(folder, folder / "c" / "lock"),
        ):
            raise ValueError("refused")
    assert list(tmp_path.rglob("*")) == [tmp_path / "stood"]


def test_a_folder_that_stood_there_stays_though_its_path_leads_through_one_that_did_not(tmp_path):
    (tmp_path / "stood").mkdir()
    with pytest.raises(ValueError, match="refused"), made_output(tmp_path / "absent" / ".." / "stood"):
        raise ValueError("refused")
    assert (tmp_path / "stood").is_dir()


def test_who_waits_for_a_lock_gets_it_though_its_holder_failed_and_took_the_folder_along(tmp_path):
    folder, held = tmp_path / "folder", threading.Event()

    def fail() -> None:
        with pytest.raises(ValueError, match="refused"), sole_writer(folder, folder / "lock"):
            held.set()
            while not _waited_for(folder / "lock"):
                time.sleep(0.01)
            raise ValueError("refused")

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(fail)
        held.wait()
        with sole_writer(folder, folder / "lock", waits=True):
            assert (folder / "lock").exists()
        holder.result()


def _waited_for(lock: Path) -> bool:
    """Whether somebody waits for the lock of a file, as Linux lists it (``->``)."""
    inode = f":{lock.stat().st_ino} "
    return any("->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())


def test_what_a_failing_block_has_written_is_kept_with_its_folders(tmp_path):
    with pytest.raises(ValueError, match="refused"), made_output(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "table.csv").touch()
        raise ValueError("refused")
    assert (tmp_path / "a" / "b" / "table.csv").is_file()


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "null").symlink_to(os.devnull)
    with pytest.raises(FileExistsError, match="not replaced"), atomic_path(tmp_path / "null"):
        pass
    assert (tmp_path / "null").is_char_device() and len(list(tmp_path.iterdir())) == 1


def test_a_file_has_the_permissions_that_the_umask_leaves_and_no_more_than_is_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "usual", 1)
        write_json(tmp_path / "own", 1, mode=0o600)
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "own")] == [0o640, 0o600]


def test_writing_never_changes_the_umask_under_which_other_threads_make_files(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("it was changed"))
    write_json(tmp_path / "a", 1)
