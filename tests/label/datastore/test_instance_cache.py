"""Instances of an archive on disk, as many as there is room for."""

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from monailabel_app.lib.datastore import instance_cache
from monailabel_app.lib.datastore.instance_cache import SAFE_SECONDS, InstanceCache

BYTES = 100


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with room for two instances of an archive that has all."""
    monkeypatch.setattr(
        instance_cache, "retrieve_listed", lambda archive, instance, path: path.write_bytes(b"x" * BYTES)
    )
    return InstanceCache(tmp_path, cast(Any, None), most_bytes=2 * BYTES)


def fetch(cache, sop):
    return cache.fetch(cast(Any, SimpleNamespace(sop=sop)))


def let_rest(path):
    """Let a file be unused for long."""
    os.utime(path, (path.stat().st_atime - SAFE_SECONDS - 10,) * 2)


def test_the_longest_unused_makes_room(cache, tmp_path):
    for sop in ("1.1", "1.2"):
        let_rest(fetch(cache, sop))
    fetch(cache, "1.1")
    fetch(cache, "1.3")
    assert {path.name for path in tmp_path.iterdir()} == {"1.1.dcm", "1.3.dcm"}


def test_what_another_thread_fetches_is_no_instance_yet(cache, tmp_path):
    half = tmp_path / ".1.9-abc.tmp.dcm"
    half.write_bytes(b"x" * 3 * BYTES)
    let_rest(half)
    let_rest(fetch(cache, "1.1"))
    fetch(cache, "1.2")
    assert len(list(tmp_path.iterdir())) == 3, "it counts as no byte, and stays"


def test_what_somebody_removes_meanwhile_disturbs_nobody(cache, tmp_path):
    (tmp_path / "1.9.dcm").symlink_to(tmp_path / "gone")
    assert fetch(cache, "1.1").stat().st_size == BYTES
