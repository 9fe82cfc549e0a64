"""The phantom cohort on disk."""

import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom import generate_cohort
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file

PATIENTS = 12


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return folder, generate_cohort(folder, patients=PATIENTS, size=128, seed=0)


def digests(folder):
    return {path.relative_to(folder): hash_file(path) for path in folder.rglob("*.dcm")}


def test_every_patient_has_a_cc_and_an_mlo_view_of_one_breast(cohort):
    _, records = cohort
    views = [(record["patient_id"], record["laterality"], record["view"]) for record in records]
    assert [view for *_, view in views] == ["CC", "MLO"] * PATIENTS
    assert len({(patient, laterality) for patient, laterality, _ in views}) == PATIENTS


def test_one_patient_in_six_has_no_mass_and_an_empty_label(cohort):
    folder, records = cohort
    assert {record["patient_id"] for record in records if not record["has_mass"]} == {"PHANTOM-0006", "PHANTOM-0012"}
    assert [read_mask(folder / record["label"]).any() for record in records] == [r["has_mass"] for r in records]


def test_labels_are_on_the_pixel_grid_of_the_image_they_refer_to(cohort):
    folder, records = cohort
    for record in records:
        image, label = pydicom.dcmread(folder / record["image"]), hd.seg.segread(folder / record["label"])
        assert (image.Rows, image.Columns) == (label.Rows, label.Columns) == (128, 102)
        assert label.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID


def test_labels_mark_bright_tissue_whatever_the_photometric_interpretation(cohort):
    folder, records = cohort
    for record in (record for record in records if record["has_mass"]):
        pixels, mask = read_mammogram(folder / record["image"]).pixels, read_mask(folder / record["label"])
        assert pixels[mask == 1].mean() > np.median(pixels[pixels > 0.1 * pixels.max()])


def test_pathology_is_malignant_exactly_where_the_margin_is_spiculated(cohort):
    _, records = cohort
    kinds = {(record["pathology"], record.get("margin")) for record in records}
    assert kinds == {("MALIGNANT", "SPICULATED"), ("BENIGN", "CIRCUMSCRIBED"), ("NORMAL", None)}


def test_pixel_spacing_gives_the_detector_its_real_height(tmp_path):
    record, _ = generate_cohort(tmp_path, patients=1, size=256, seed=0)
    mammogram = read_mammogram(tmp_path / record["image"])
    assert mammogram.pixel_spacing_mm == tuple(record["pixel_spacing_mm"]) == (0.91, 0.91)  # 256 x 0.91 = 233 mm
    assert mammogram.pixel_spacing_source == record["pixel_spacing_source"]


def test_reader_and_record_agree_on_laterality_and_view(cohort):
    folder, records = cohort
    for record in records:
        mammogram = read_mammogram(folder / record["image"])
        assert (mammogram.laterality, mammogram.view) == (record["laterality"], record["view"])


def test_both_photometric_interpretations_and_both_transfer_syntaxes_occur(cohort):
    folder, records = cohort
    images = [pydicom.dcmread(folder / record["image"], stop_before_pixels=True) for record in records]
    assert {image.PhotometricInterpretation for image in images} == {"MONOCHROME1", "MONOCHROME2"}
    assert {image.file_meta.TransferSyntaxUID for image in images} == {ExplicitVRLittleEndian, JPEG2000Lossless}


def test_all_instances_differ_in_their_uid(cohort):
    folder, _ = cohort
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in folder.rglob("*.dcm")]
    assert len(set(uids)) == len(uids) == 4 * PATIENTS


def test_dciodvfy_finds_no_error_in_the_cohort(cohort, dciodvfy):
    folder, _ = cohort
    for path in folder.rglob("*.dcm"):
        report = subprocess.run([dciodvfy, path], capture_output=True, text=True, timeout=60, check=False)
        assert "Error" not in report.stderr, f"{path.name}: {report.stderr}"


def test_the_same_seed_gives_the_same_bytes_and_patients_do_not_depend_on_their_number(cohort, tmp_path):
    folder, records = cohort
    assert generate_cohort(tmp_path, patients=6, size=128, seed=0) == records[:12]
    few = digests(tmp_path)
    assert few.items() <= digests(folder).items() and len(few) == 24


def test_another_seed_gives_other_images_in_other_studies(cohort, tmp_path):
    folder, records = cohort
    (other, _) = generate_cohort(tmp_path, patients=1, size=128, seed=1)
    one, two = pydicom.dcmread(folder / records[0]["image"]), pydicom.dcmread(tmp_path / other["image"])
    assert one.StudyInstanceUID != two.StudyInstanceUID
    assert one.PixelData != two.PixelData


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"size": 32}, {"seed": -1}])
def test_a_wrong_call_is_refused_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(WrongCallError, match="patients >= 1, size of 64 to 8192, seed >= 0"):
        generate_cohort(tmp_path / "cohort", **wrong)
    assert not (tmp_path / "cohort").exists()
