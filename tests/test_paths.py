"""Names of results that any disk can hold."""

import time
from pathlib import Path

from mammoseg.paths import make_unique_names


def test_output_names_are_plain_and_unique():
    paths = [
        Path(name) for name in ("x/a.dcm", "y/A.DCM", "a.png", "a-2", "../..", "b c;$.nii.gz", "=1+1.dcm", "1.2.3")
    ]
    assert make_unique_names(paths) == ["a", "A-2", "a-3", "a-2-2", "image", "b_c", "1_1", "1.2.3"]


def test_ten_thousand_equal_names_take_no_longer_than_others():
    begin = time.process_time()
    names = make_unique_names([Path(f"{number}/image.dcm") for number in range(10_000)])
    assert names[0] == "image" and names[-1] == "image-10000"
    assert time.process_time() - begin < 2


def test_a_name_that_one_path_may_not_have_is_left_for_the_next_of_the_same_stem():
    paths = [Path("1/a"), Path("2/a"), Path("3/a")]
    assert make_unique_names(paths, is_free=lambda path, name: path != paths[0] or name == "a-3") == ["a-3", "a", "a-2"]
