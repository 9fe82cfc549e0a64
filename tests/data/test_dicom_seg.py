"""Mammograms with DICOM SEG beside them; the phantoms are such a tree, written by the writer of `predict`."""

import json
import shutil
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from mammoseg.data.datalist import read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom import generate_cohort
from mammoseg.dicom.seg import SegKind
from mammoseg.errors import WrongCallError
from tests.made_analysis import ALGORITHM, WHEN, build, made_lesions, made_source

UIDS = ("1.2.3.1", "1.2.3.2", "1.2.3.3")


def ingested(folder: Path, output: Path) -> tuple[list[dict], dict]:
    """Records with the folder of the datalist before their paths, and the report."""
    ingest("dicom_seg", str(folder), output=str(output), keep_identifiers=True)
    datalist = read_datalist(output / "datalist.json")
    records = [record for name in ("training", "validation", "test") for record in datalist[name]]
    return records, json.loads((output / "ingest_report.json").read_text())


@pytest.fixture
def tree(tmp_path) -> Path:
    """Three patients, an image and a SEG of two masses each."""
    for number, uid in enumerate(UIDS):
        folder = tmp_path / "in" / f"case {number}"
        folder.mkdir(parents=True)
        made_source(folder)
        image = pydicom.dcmread(folder / "source.dcm")
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid
        image.PatientID = f"P{number}"
        image.save_as(folder / "source.dcm")
        write_seg(folder)
    return tmp_path / "in"


def write_seg(folder: Path, *, kind: SegKind = SegKind.BINARY, name: str = "seg.dcm", **changed) -> Path:
    """A SEG of two lesions; `changed` are attributes of its first segment."""
    source = pydicom.dcmread(folder / "source.dcm", stop_before_pixels=True)
    segmentation = build(source, made_lesions(), kind=kind, algorithm=ALGORITHM, when=WHEN)
    for keyword, value in changed.items():
        for segment in segmentation.SegmentSequence:
            setattr(segment, keyword, value)
    segmentation.save_as(folder / name)
    return folder / name


@pytest.mark.parametrize("kind", [SegKind.BINARY, SegKind.LABELMAP])
def test_segments_of_mass_are_fused_and_each_is_an_instance(tree, tmp_path, kind):
    write_seg(tree / "case 1", kind=kind)
    records, _ = ingested(tree, tmp_path / "out")
    record = next(record for record in records if record["patient_id"] == "P1")
    masks = [read_mask(tmp_path / "out" / path) for path in record["instances"]]
    assert [int(mask.sum()) for mask in masks] == [68, 60]
    for mask, lesion in zip(masks, made_lesions(), strict=True):
        np.testing.assert_array_equal(mask, lesion)
    assert read_mask(tmp_path / "out" / record["label"]).sum() == 128
    assert (record["laterality"], record["view"], record["pixel_spacing_mm"]) == ("L", "CC", [0.07, 0.07])


def test_phantoms_come_back_pixel_by_pixel(tmp_path):
    """Images of all transfer syntaxes of the cohort, with and without mass."""
    written = generate_cohort(tmp_path / "in", patients=4, size=256)
    records, report = ingested(tmp_path / "in", tmp_path / "out")
    found = {record["image"].rpartition("/")[2]: record for record in records}
    assert len(found) == len(written) == 8 and report["skipped"] == {}
    for record in written:
        new = found[record["image"].removeprefix("images/")]
        np.testing.assert_array_equal(
            read_mask(tmp_path / "out" / new["label"]), read_mask(tmp_path / "in" / record["label"])
        )
        assert (new["has_mass"], new["patient_id"]) == (record["has_mass"], record["patient_id"])


def test_a_segment_of_tissue_counts_where_its_label_says_mass(tree, tmp_path):
    tissue = hd.sr.CodedConcept("85756007", "SCT", "Tissue")
    write_seg(tree / "case 0", SegmentedPropertyTypeCodeSequence=[tissue], SegmentLabel="left mass")
    write_seg(tree / "case 1", SegmentedPropertyTypeCodeSequence=[tissue], SegmentLabel="massive pectoral")
    with pytest.raises(WrongCallError):  # two patients are left
        ingested(tree, tmp_path / "out")
    write_seg(tree / "case 2", name="again.dcm")
    shutil.copytree(tree / "case 0", tree / "case 3")
    for name in ("source.dcm", "seg.dcm"):
        file = pydicom.dcmread(tree / "case 3" / name)
        file.PatientID = "P3"
        if name == "source.dcm":
            file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        file.save_as(tree / "case 3" / name)
    write_seg(tree / "case 3", SegmentedPropertyTypeCodeSequence=[tissue], SegmentLabel="Masses")
    records, report = ingested(tree, tmp_path / "out")
    assert {record["patient_id"]: record["has_mass"] for record in records} == {"P0": True, "P2": True, "P3": True}
    (said,) = report["skipped"]["E_SEG_SEGMENT"]
    assert said.startswith("case 1/source.dcm: its segmentation case 1/seg.dcm: no segment has the property type Mass")


def test_images_and_segmentations_without_each_other_are_counted(tree, tmp_path):
    shutil.copytree(tree / "case 0", tree / "alone")
    image = pydicom.dcmread(tree / "alone" / "source.dcm")
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    image.save_as(tree / "alone" / "source.dcm")
    write_seg(tree / "alone")
    (tree / "alone" / "source.dcm").unlink()
    (tree / "alone" / "notes.txt").write_text("x")
    (tree / "alone" / "cut.dcm").write_bytes((tree / "case 0" / "source.dcm").read_bytes()[:400])
    records, report = ingested(tree, tmp_path / "out")
    assert len(records) == 3
    assert report["skipped"]["segmentations of images that are not below the input"] == ["alone/seg.dcm"]
    assert report["skipped"]["files that are not DICOM"] == ["alone/notes.txt"]
    assert [name for name in report["skipped"] if name.startswith("E_")] == ["E_TRUNCATED"]


def test_a_copy_of_an_image_is_left_out(tree, tmp_path):
    shutil.copy(tree / "case 0" / "source.dcm", tree / "case 1" / "x.dcm")
    records, report = ingested(tree, tmp_path / "out")
    assert len(records) == 3
    assert report["skipped"] == {"further copies of a mammogram": ["case 1/x.dcm"]}


def test_another_image_of_the_same_uid_is_refused(tree, tmp_path):
    image = pydicom.dcmread(tree / "case 0" / "source.dcm")
    image.PatientID = "another"
    image.save_as(tree / "case 1" / "x.dcm")
    records, report = ingested(tree, tmp_path / "out")
    assert len(records) == 3
    (said,) = report["skipped"]["E_DUPLICATE_UID"]
    assert said.startswith("case 1/x.dcm: its SOP Instance UID is that of ")
    assert said.endswith("case 0/source.dcm, with other content; give one.")


def test_images_of_unknown_patients_are_a_wrong_call(tree, tmp_path):
    for path in tree.glob("*/source.dcm"):
        image = pydicom.dcmread(path)
        image.PatientID = ""
        image.save_as(path)
    with pytest.raises(WrongCallError, match="no image has a Patient ID"):
        ingested(tree, tmp_path / "out")
