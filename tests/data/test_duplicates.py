"""A mammogram that comes twice is told from a UID that is given twice."""

import pytest

from mammoseg.data.duplicates import SeenInstances
from mammoseg.errors import InputRefusedError


@pytest.fixture
def admit(tmp_path):
    seen = SeenInstances()

    def write_and_admit(name, content, uid):
        path = tmp_path / name
        path.write_bytes(content)
        return seen.admit(uid, path)

    return write_and_admit


def test_one_uid_on_other_content_is_refused_by_the_name_of_the_first(admit):
    admit("a.dcm", b"1", "1.2")
    admit("b.dcm", b"2", "1.3")
    with pytest.raises(InputRefusedError, match="E_DUPLICATE_UID: its SOP Instance UID is that of .*a.dcm, with other"):
        admit("c.dcm", b"2", "1.2")


def test_a_copy_is_let_in_and_told(admit):
    assert [admit(name, b"1", "1.2") for name in ("a.dcm", "copy.dcm")] == [True, False]


def test_a_first_file_that_cannot_be_read_again_makes_its_copy_a_refusal(admit, tmp_path):
    admit("a.dcm", b"1", "1.2")
    (tmp_path / "a.dcm").unlink()
    with pytest.raises(InputRefusedError, match="E_NOT_A_FILE"):
        admit("b.dcm", b"1", "1.2")


def test_the_first_file_is_not_read(tmp_path):
    assert SeenInstances().admit("1.2", tmp_path / "absent")


def test_files_without_uid_are_never_the_same(admit):
    assert [admit("a.png", content, None) for content in (b"1", b"1", b"2")] == [True, True, True]
