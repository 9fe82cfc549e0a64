"""Which files of a folder are tried, and which are passed over."""

import json

import numpy as np
import pytest

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


def write_ingested(folder, ending):
    """A folder as `ingest` and `train` leave it: images, masks that only the datalist calls so, a cache."""
    for name in (f"images/1{ending}", f"labels/1{ending}", "labels/1-0.png", "cache/0a.npz", "more.dcm"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(128) + b"DICM")
    record = {"image": f"images/1{ending}", "label": f"labels/1{ending}", "instances": ["labels/1-0.png"]}
    (folder / "datalist.json").write_text(json.dumps({"training": [record], "validation": [], "test": []}))


@pytest.mark.parametrize("ending", [".png", ".dcm"])
def test_masks_and_cache_of_an_ingested_folder_are_passed_over(tmp_path, ending):
    write_ingested(tmp_path / "data", ending)
    paths, passed_over = find_inputs([tmp_path])
    assert [path.name for path in paths] == ["more.dcm", f"1{ending}"] and paths[1].parent.name == "images"
    assert passed_over == 4
    named = [tmp_path / "data" / "labels" / f"1{ending}"]
    assert find_inputs(named) == (named, 0)


def test_segmentations_of_an_ingested_folder_are_sent(tmp_path):
    write_ingested(tmp_path, ".dcm")
    found, _ = find_dicom_files([tmp_path])
    assert [path.parent.name for path in found if path.name == "1.dcm"] == ["images", "labels"]


@pytest.mark.parametrize(
    "content", ["[1]", "{", '{"training": [3], "validation": [], "test": []}', '{"training": [{"image": "a.png"}]}']
)
def test_what_is_no_datalist_hides_nothing(tmp_path, content):
    (tmp_path / "a.png").touch()
    (tmp_path / "datalist.json").write_text(content)
    assert find_inputs([tmp_path]) == ([tmp_path / "a.png"], 1)


def write_results(folder):
    """What a call leaves beside its record, in the folder of its source."""
    for name in ("film.png", "film.overlay.png", "film.mask.png", "film.other.png", "film.seg.dcm"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(128) + b"DICM" if name.endswith("dcm") else b"")
    results = dict.fromkeys(("film.overlay.png", "film.mask.png", "film.seg.dcm"), "its hash")
    (folder / ".mammoseg").mkdir()
    (folder / ".mammoseg" / "film.json").write_text(json.dumps({"results": results}))


def test_results_that_a_record_beside_them_names_are_passed_over_in_a_folder_and_tried_when_named(tmp_path):
    write_results(tmp_path / "out1")
    paths, passed_over = find_inputs([tmp_path], tmp_path / "out2")
    assert ([path.name for path in paths], passed_over) == (["film.other.png", "film.png"], 4)
    assert find_inputs([tmp_path / "out1" / "film.mask.png"])[1] == 0
    found, _ = find_dicom_files([tmp_path])
    assert [path.name for path in found] == ["film.seg.dcm"], "results are sent"


@pytest.mark.parametrize("content", ["[1]", "{", '{"results": {"a.png": ""}}', '{"results": {"b.x/../../a.png": ""}}'])
def test_what_is_no_record_hides_nothing(tmp_path, content):
    (tmp_path / "a.png").touch()
    (tmp_path / ".mammoseg").mkdir()
    (tmp_path / ".mammoseg" / "b.json").write_text(content)
    assert find_inputs([tmp_path]) == ([tmp_path / "a.png"], 1)


def test_a_datalist_hides_no_image_that_it_names(tmp_path):
    (tmp_path / "a.png").touch()
    record = {"image": "a.png", "label": "a.png"}
    (tmp_path / "datalist.json").write_text(json.dumps({"training": [record], "validation": [], "test": []}))
    assert find_inputs([tmp_path]) == ([tmp_path / "a.png"], 1)


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
