from pathlib import Path

import numpy as np
import pytest

from mammoseg.data.duplicates import SeenInstances
from mammoseg.data.mammogram import Mammogram
from mammoseg.errors import InputRefusedError


def mammogram(path, value, uid):
    pixels = np.full((3, 4), value, np.float32)
    return Mammogram(pixels, None, None, None, None, None, (0.0, 9.0), Path(path), sop_instance_uid=uid)


def test_one_uid_on_other_pixels_is_refused_by_the_name_of_the_first():
    seen = SeenInstances()
    seen.admit(mammogram("a.dcm", 1, "1.2"))
    seen.admit(mammogram("b.dcm", 2, "1.3"))
    with pytest.raises(InputRefusedError, match="E_DUPLICATE_UID: a.dcm has the same SOP Instance UID"):
        seen.admit(mammogram("c.dcm", 2, "1.2"))


def test_a_copy_is_let_in():
    seen = SeenInstances()
    for path in ("a.dcm", "copy.dcm"):
        seen.admit(mammogram(path, 1, "1.2"))


def test_files_without_uid_are_never_the_same():
    seen = SeenInstances()
    for value in (1, 2):
        seen.admit(mammogram("a.png", value, None))
