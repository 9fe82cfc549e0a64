"""Which files of a folder are tried, and which are passed over."""

import numpy as np

from mammoseg.data.find_images import find_dicom_files, find_inputs
from mammoseg.data.phantom_dicom import write_mammogram


def test_folder_is_searched_to_the_bottom_without_sidecars_and_output(tmp_path):
    for name in ("b/c/2.dcm", "b/1", "notes.TXT", ".hidden.dcm", "DICOMDIR", "out/old.seg.dcm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    paths, passed_over = find_inputs([tmp_path], tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in paths] == ["b/1", "b/c/2.dcm"]
    assert passed_over == 3


def test_pictures_that_are_masks_of_others_are_passed_over_in_a_folder_and_tried_when_named(tmp_path):
    for name in (
        "a.png",
        "a_mask.png",
        "b_mask.png",
        "images/c.dcm",
        "masks/c.tif",
        "images/d.dcm",
        "images/d_seg.dcm",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    paths, passed_over = find_inputs([tmp_path])
    tried = ["a.png", "b_mask.png", "images/c.dcm", "images/d.dcm", "images/d_seg.dcm"]
    assert ([str(path.relative_to(tmp_path)) for path in paths], passed_over) == (tried, 2)
    assert find_inputs([tmp_path / "a_mask.png"]) == ([tmp_path / "a_mask.png"], 0)


def test_sidecar_is_tried_when_it_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert find_inputs([tmp_path / "notes.txt"], tmp_path / "out") == ([tmp_path / "notes.txt"], 0)


def test_file_named_twice_is_tried_once(tmp_path):
    (tmp_path / "a.dcm").touch()
    (tmp_path / "sub").mkdir()
    paths, _ = find_inputs([tmp_path / "a.dcm", tmp_path / "sub/../a.dcm", tmp_path], tmp_path / "out")
    assert paths == [tmp_path / "a.dcm"]


def test_named_file_is_tried_and_one_of_a_folder_must_begin_as_dicom(tmp_path):
    for name in ("a/one.dcm", "two"):
        write_mammogram(tmp_path / name, np.arange(1200).reshape(40, 30))
    (tmp_path / "notes").write_text("no image")
    (tmp_path / "results.csv").write_text("no DICOM")
    found, passed_over = find_dicom_files([tmp_path])
    assert (sorted(found), passed_over) == ([tmp_path / "a" / "one.dcm", tmp_path / "two"], 2)
    assert find_dicom_files([tmp_path / "notes"]) == ([tmp_path / "notes"], 0)
