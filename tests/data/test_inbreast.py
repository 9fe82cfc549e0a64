"""INbreast in the layout of its release: AllDICOMs, AllXML, INbreast.csv."""

import plistlib
from pathlib import Path

import numpy as np
import pytest

from mammoseg.data.datalist import read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.osirix_contours import MOST_BYTES, read_contours
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.mammogram import MOST_MASSES
from tests.data.ingested import read_ingested
from tests.made_inbreast import SHAPE, Release, square


def ingest_release(release: Release, output: Path, **options) -> tuple[dict[str, dict], dict]:
    """Records by image_id, and the report."""
    ingest("inbreast", str(release.write_table()), output=str(output), **options)
    return read_ingested(output)


@pytest.fixture
def release(tmp_path) -> Release:
    """Three patients with one mass each."""
    release = Release(tmp_path / "INbreast Release 1.0")
    release.add(20586908, "6c613a14b80a8591", ("Mass", square(at=(10, 20))))
    release.add(20586934, "aaaaaaaaaaaaaaaa", ("Mass", square(at=(20, 20))), view="MLO")
    release.add(20586960, "bbbbbbbbbbbbbbbb", ("Mass", square(at=(30, 20))))
    return release


def test_a_contour_is_filled_with_x_as_column_and_the_table_describes_the_image(release, tmp_path):
    records, _ = ingest_release(release, tmp_path / "out")
    record = records["20586934"]
    mask = read_mask(tmp_path / "out" / record["label"], shape=SHAPE)
    assert mask.sum() == 25
    assert (np.argwhere(mask).min(axis=0).tolist(), np.argwhere(mask).max(axis=0).tolist()) == ([20, 20], [24, 24])
    expected = {"patient_id": "aaaaaaaaaaaaaaaa", "laterality": "R", "view": "MLO", "birads": 4, "density": 2}
    assert {key: record[key] for key in expected} == expected


def test_masses_are_fused_and_kept_while_points_and_other_regions_are_left_out_and_counted(release, tmp_path):
    regions = [("Mass", square(at=(5, 5))), ("mass ", square(at=(40, 30))), ("Mass", ["(3.0, 3.0)"])]
    others = [("Calcification", ["(7.5, 8.25)"]), ("Spiculated Region", square(at=(1, 1), side=20))]
    release.add(1, "cccccccccccccccc", *regions, *others)
    records, report = ingest_release(release, tmp_path / "out")
    assert read_mask(tmp_path / "out" / records["1"]["label"]).sum() == 50
    kept = [np.argwhere(read_mask(tmp_path / "out" / path))[0].tolist() for path in records["1"]["instances"]]
    assert kept == [[5, 5], [40, 30]]
    assert report["noted"] == {
        "masses that enclose no pixel of their image, left out": ["1"],
        "regions that are not called Mass: Calcification": ["1"],
        "regions that are not called Mass: Spiculated Region": ["1"],
    }


def test_both_images_of_a_patient_stand_in_one_section(release, tmp_path):
    for number in range(1, 7):
        release.add(number, f"{number % 2:016d}", ("Mass", square(at=(5, 5))))
    ingest_release(release, tmp_path / "out")
    datalist = read_datalist(tmp_path / "out" / "datalist.json")
    sections = [{record["patient_id"] for record in datalist[name]} for name in ("training", "validation", "test")]
    assert sum(map(len, sections)) == len(set.union(*sections)) == 5


def test_an_image_without_contours_has_no_mass_and_is_counted(release, tmp_path):
    release.add(1, "cccccccccccccccc", xml=False, birads="1", acr="")
    records, report = ingest_release(release, tmp_path / "out")
    assert (records["1"]["has_mass"], records["1"]["instances"], records["1"]["birads"]) == (False, [], 1)
    assert "density" not in records["1"]
    assert read_mask(tmp_path / "out" / records["1"]["label"], shape=SHAPE).sum() == 0
    assert report["noted"] == {"images without a file of contours, taken as images without mass": ["1"]}


@pytest.mark.parametrize(
    "content",
    [
        b"<plist>",
        b"",
        plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass", "Point_px": ["__import__('os')"]}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass", "Point_px": "(1, 2)"}]}]}),
        plistlib.dumps({"Images": "none"}),
        plistlib.dumps({"Images": []}, fmt=plistlib.FMT_BINARY),
        b'<!DOCTYPE plist [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><plist><string>&b;</string></plist>',
        b'<!DOCTYPE plist [<!ENTITY x SYSTEM "file:///etc/passwd">]><plist><string>&x;</string></plist>',
    ],
    ids=["cut", "empty", "code", "no list", "no images", "binary", "entities", "outer entity"],
)
def test_contours_that_cannot_be_read_refuse_their_image_only(release, tmp_path, content):
    release.add(1, "cccccccccccccccc", ("Mass", square(at=(5, 5))))
    (release.root / "AllXML" / "1.xml").write_bytes(content)
    records, report = ingest_release(release, tmp_path / "out")
    assert len(records) == 3
    assert list(report["skipped"]) == ["E_CONTOURS"]
    assert report["skipped"]["E_CONTOURS"][0].startswith(
        "AllDICOMs/1_cccccccccccccccc_MG_R_CC_ANON.dcm: its contours 1.xml"
    )


def test_contours_larger_than_any_real_ones_are_not_read(tmp_path):
    path = tmp_path / "1.xml"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputRefusedError, match="E_CONTOURS: this is no regular file of at most 32 MB"):
        read_contours(path)


@pytest.mark.parametrize(
    ("regions", "code"),
    [
        ([("Mass", square(at=(5, 5)))] * (MOST_MASSES + 1), "E_MASK_COUNT"),
        ([("Mass", ["(1, 1)"] * 10_001)], "E_CONTOURS"),
    ],
)
def test_contours_that_are_too_many_refuse_their_image_only(release, tmp_path, regions, code):
    release.add(1, "cccccccccccccccc", *regions)
    records, report = ingest_release(release, tmp_path / "out")
    assert (len(records), list(report["skipped"])) == (3, [code])


def test_files_with_other_names_and_without_rows_are_counted(release, tmp_path):
    other = release.add(1, "cccccccccccccccc")
    other.rename(other.with_name("scan.dcm"))
    release.add(2, "dddddddddddddddd")
    del release.rows[-1]
    _, report = ingest_release(release, tmp_path / "out")
    assert {reason: len(names) for reason, names in report["skipped"].items()} == {
        "DICOM files with other names than INbreast's": 1,
        "images without a row in INbreast.csv": 1,
        "contours without an image": 2,
    }


def test_a_folder_without_table_or_contours_is_a_wrong_call(release, tmp_path):
    with pytest.raises(WrongCallError, match=r"no 'INbreast.csv' below the input"):
        ingest("inbreast", str(release.root), output=str(tmp_path / "out"))
    ingest_release(release, tmp_path / "out")
    for path in (release.root / "AllXML").iterdir():
        path.unlink()
    with pytest.raises(WrongCallError, match="with contours below the input"):
        ingest("inbreast", str(release.root), output=str(tmp_path / "out"))


@pytest.mark.parametrize("protocol", ["sun2020", "sarker2022", "isosalo2022"])
def test_protocols_of_papers_take_the_images_with_a_mass_alone(release, tmp_path, protocol):
    for number in range(1, 8):  # three without a mass, and enough patients for five folds
        regions = [("Mass", square(at=(5, 5)))] if number > 3 else []
        release.add(number, f"{number:016d}", *regions)
    records, report = ingest_release(release, tmp_path / "out", protocol=protocol)
    assert len(records) == 7 and all(record["has_mass"] for record in records.values())
    left_out = report["skipped"][f"images without a mass, which protocol {protocol} leaves out"]
    assert sorted(left_out) == ["1", "2", "3"]
