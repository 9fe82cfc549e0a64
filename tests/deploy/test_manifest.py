"""The list of an export's files tells what was changed since."""

import pytest

from mammoseg.deploy.manifest import ManifestError, check_manifest, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.pt").write_bytes(b"weights")
    (tmp_path / "LICENSE").write_text("free")
    write_manifest(tmp_path, name="unet")
    return tmp_path


def test_an_unchanged_folder_agrees(folder):
    check_manifest(folder)


def test_a_changed_file_is_named(folder):
    (folder / "models" / "model.pt").write_bytes(b"other")
    with pytest.raises(ManifestError, match="models/model.pt differs; unpack its archive again"):
        check_manifest(folder)


def test_a_missing_file_is_named(folder):
    (folder / "LICENSE").unlink()
    with pytest.raises(ManifestError, match="LICENSE is missing"):
        check_manifest(folder)


def test_results_of_runs_are_no_difference(folder):
    (folder / "eval").mkdir()
    (folder / "eval" / "metrics.csv").write_text("")
    check_manifest(folder)
