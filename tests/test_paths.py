"""Names of results that any disk can hold."""

from pathlib import Path

from mammoseg.paths import make_unique_names


def test_output_names_are_plain_and_unique():
    paths = [
        Path(name) for name in ("x/a.dcm", "y/A.DCM", "a.png", "a-2", "../..", "b c;$.nii.gz", "=1+1.dcm", "1.2.3")
    ]
    assert make_unique_names(paths) == ["a", "A-2", "a-3", "a-2-2", "image", "b_c", "1_1", "1.2.3"]
