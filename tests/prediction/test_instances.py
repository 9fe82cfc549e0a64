"""Two files of one SOP Instance UID never both get results."""

import pytest

from mammoseg.errors import InputRefusedError
from mammoseg.files import hash_file
from mammoseg.prediction.instances import claim_instance


@pytest.fixture
def files(tmp_path):
    for name, content in {"a": b"1", "copy of a": b"1", "b": b"2"}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def claim(files, uid, path):
    claim_instance(files / "claims", uid, path, hash_file(path))


def test_a_second_file_with_other_content_is_refused(files):
    claim(files, "1.2.3", files / "a")
    with pytest.raises(InputRefusedError, match="E_DUPLICATE_UID: its SOP Instance UID is that of .*/a, with other"):
        claim(files, "1.2.3", files / "b")


def test_a_claim_holds_on_a_file_system_without_links(files, no_links):
    claim(files, "1.2.3", files / "a")
    with pytest.raises(InputRefusedError, match="E_DUPLICATE_UID"):
        claim(files, "1.2.3", files / "b")
    assert len(list((files / "claims").iterdir())) == 1


def test_a_copy_and_another_instance_are_let_in(files):
    claim(files, "1.2.3", files / "a")
    claim(files, "1.2.3", files / "copy of a")
    claim(files, "1.2.4", files / "b")


@pytest.mark.parametrize("mend", [lambda path: path.unlink(), lambda path: path.write_bytes(b"3")])
def test_a_claim_is_free_again_when_its_file_is_gone_or_changed(files, mend):
    claim(files, "1.2.3", files / "a")
    mend(files / "a")
    claim(files, "1.2.3", files / "b")


def test_a_damaged_claim_is_free(files):
    claim(files, "1.2.3", files / "a")
    (note,) = (files / "claims").iterdir()
    note.write_bytes(b"")
    claim(files, "1.2.3", files / "b")


def test_the_uid_is_not_in_the_name_of_the_claim(files):
    claim(files, "1.2.3", files / "a")
    (note,) = (files / "claims").iterdir()
    assert "1.2.3" not in note.name
    assert "1.2.3" not in note.read_text()
