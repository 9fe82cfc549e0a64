"""A mammogram that comes twice is told from a UID that is given twice."""

import numpy as np
import pytest

from mammoseg.data.duplicates import SeenInstances
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import Mammogram

PIXELS = np.zeros((3, 4), np.float32)


@pytest.fixture
def mammogram(tmp_path):
    def write(name, content, uid):
        path = tmp_path / name
        path.write_bytes(content)
        return Mammogram(PIXELS, None, None, None, None, None, (0.0, 9.0), path, sop_instance_uid=uid)

    return write


def test_one_uid_on_other_content_is_refused_by_the_name_of_the_first(mammogram):
    seen = SeenInstances()
    seen.admit(mammogram("a.dcm", b"1", "1.2"))
    seen.admit(mammogram("b.dcm", b"2", "1.3"))
    with pytest.raises(InputRefusedError, match="E_DUPLICATE_UID: its SOP Instance UID is that of .*a.dcm, with other"):
        seen.admit(mammogram("c.dcm", b"2", "1.2"))


def test_a_copy_is_let_in(mammogram):
    seen = SeenInstances()
    for name in ("a.dcm", "copy.dcm"):
        seen.admit(mammogram(name, b"1", "1.2"))


def test_files_without_uid_are_never_the_same(mammogram):
    seen = SeenInstances()
    for content in (b"1", b"2"):
        seen.admit(mammogram("a.png", content, None))
