"""Keyed hashes of identifiers, and the key that they are made with."""

import hashlib
import hmac

import pytest

from mammoseg.data.identifiers import hash_with_key, load_key, load_key_when_needed, locate_key_file
from mammoseg.errors import MammosegError


def test_the_hash_is_hmac_sha256_shortened():
    expected = hmac.new(b"key", b"4711", hashlib.sha256).hexdigest()[:16]
    assert hash_with_key("4711", b"key") == expected


def test_another_key_gives_another_code():
    assert hash_with_key("4711", b"key") != hash_with_key("4711", b"another")


def test_the_key_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "config" / "patient.key"
    key = load_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["patient.key"]


def test_a_key_is_made_on_a_file_system_without_links(tmp_path, no_links):
    path = tmp_path / "patient.key"
    assert load_key(path) == load_key(path)
    assert [file.name for file in tmp_path.iterdir()] == ["patient.key"]


def test_a_key_is_not_made_before_it_is_needed(tmp_path):
    key = load_key_when_needed(tmp_path / "patient.key")
    assert not list(tmp_path.iterdir())
    assert key() == key() == load_key(tmp_path / "patient.key") == load_key_when_needed(tmp_path / "patient.key")()


def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "patient.key"
    load_key(path)
    path.chmod(0o640)
    with pytest.raises(MammosegError, match="chmod 600"):
        load_key(path)


def test_an_empty_key_is_refused(tmp_path):
    path = tmp_path / "patient.key"
    path.touch(0o600)
    with pytest.raises(MammosegError, match="is empty"):
        load_key(path)


def test_the_key_lies_in_the_configuration_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert locate_key_file() == tmp_path / "mammoseg" / "patient.key"


def test_a_key_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "config").touch()
    with pytest.raises(MammosegError, match="can be neither read nor made .*; set XDG_CONFIG_HOME"):
        load_key(tmp_path / "config" / "mammoseg" / "patient.key")
