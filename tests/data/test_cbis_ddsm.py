"""CBIS-DDSM in DICOM and as PNG: one record an image, patients by the official split, and counts."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from mammoseg.data.cbis_ddsm_tables import read_tables
from mammoseg.data.datalist import read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.splits import SplitRule, split_records
from mammoseg.errors import NothingUsableError, WrongCallError
from tests.data.ingested import read_ingested

SHAPE = (60, 40)
"""Rows and columns of the mammograms made here."""

HEAD = (
    "patient_id,{density},left or right breast,image view,abnormality id,abnormality type,{shape},{margin},"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
)
FILE_NAMES = {"2016": ("000001.dcm", "000000.dcm"), "uid": ("000000.dcm", "000001.dcm")}
"""Names of crop and mask: either order occurs."""


def film(shape=SHAPE, *, seed=0):
    return np.random.default_rng(seed).integers(0, 65536, shape, dtype=np.uint16)


def disk(*, at, shape=SHAPE, grey=255):
    """A mask of 5 x 5 pixels, 0 and `grey`."""
    mask = np.zeros(shape, np.uint8)
    mask[at[0] : at[0] + 5, at[1] : at[1] + 5] = grey
    return mask


def write_dicom(path: Path, patient_id: str, pixels: np.ndarray) -> None:
    """A secondary capture with modality MG, as in the collection."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.PatientID, dataset.PatientName = "MG", patient_id, patient_id
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


class Tree:
    """A collection of the shape TCIA gives it, written file by file."""

    def __init__(self, root: Path, layout: str) -> None:
        self.root, self.layout = root, layout
        self.rows: list[list[object]] = []

    def add(self, case: str, *masks: np.ndarray, image=True, pathology="BENIGN", kind="mass", crops=True) -> None:
        """A mammogram with one abnormality a mask; a mask of None leaves only the crop."""
        _, p, number, side, view = case.split("_")
        if image:
            write_dicom(self.folder(case, "full mammogram images") / "000000.dcm", case, film())
        for index, mask in enumerate(masks, start=1):
            owner = f"{case}_{index}"
            crop_name, mask_name = FILE_NAMES[self.layout]
            folder = self.folder(owner, "ROI mask images")
            if crops:
                write_dicom(folder / crop_name, owner, film((12, 9)))
            if mask is not None:
                write_dicom(folder / mask_name, owner, mask)
            paths = [f"{case}/1.2/1.3/000000.dcm", f"{owner}/1.4/1.5/{crop_name}\n", f"{owner}/1.4/1.5/{mask_name}\n"]
            words = ["OVAL", "SPICULATED"] if kind == "mass" else ["PUNCTATE", "CLUSTERED"]
            self.rows.append([f"{p}_{number}", 2, side, view, index, kind, *words, 4, pathology, 3, *paths])

    def folder(self, owner: str, what: str) -> Path:
        series = {"2016": f"10-04-2016-DDSM-20113/1-{what}-93761", "uid": "1.3.6.1.4.1.9590.1/1.3.6.1.4.1.9590.2"}
        return self.root / owner / series[self.layout]

    def ingest(self, output: Path, **options) -> tuple[dict[str, dict], dict]:
        """Records by image_id, and the report."""
        for kind, density, shape, margin in (
            ("mass", "breast_density", "mass shape", "mass margins"),
            ("calcification", "breast density", "calc type", "calc distribution"),
        ):
            with (self.root / f"{kind}_case_description_set.csv").open("w", newline="") as file:
                file.write(HEAD.format(density=density, shape=shape, margin=margin) + "\r\n")
                csv.writer(file).writerows(row for row in self.rows if row[5] == kind)
        ingest("cbis_ddsm", str(self.root), output=str(output), **options)
        return read_ingested(output)


def report_of(output: Path) -> dict:
    return json.loads((output / "ingest_report.json").read_text())


@pytest.fixture(params=["2016", "uid"])
def tree(tmp_path, request) -> Tree:
    """Two training patients and one test patient, each with one mass."""
    tree = Tree(tmp_path / "tcia", request.param)
    tree.add("Mass-Training_P_00001_LEFT_CC", disk(at=(10, 10)))
    tree.add("Mass-Training_P_00002_RIGHT_MLO", disk(at=(20, 10)))
    tree.add("Mass-Test_P_00003_LEFT_MLO", disk(at=(30, 10)))
    return tree


def test_mammogram_mask_and_facts_become_a_record(tree, tmp_path):
    records, _ = tree.ingest(tmp_path / "out")
    record = records["Mass-Training_P_00002_RIGHT_MLO"]
    expected = {"patient_id": "P_00002", "laterality": "R", "view": "MLO", "has_mass": True, "pathology": "BENIGN"}
    expected |= {"birads": 4, "density": 2, "subtlety": 3, "shape": "OVAL", "margin": "SPICULATED"}
    assert {key: record[key] for key in expected} == expected
    assert pydicom.dcmread(tmp_path / "out" / record["image"]).PatientID == "Mass-Training_P_00002_RIGHT_MLO"
    assert (read_mask(tmp_path / "out" / record["label"], shape=SHAPE) == (disk(at=(20, 10)) > 0)).all()
    assert record["instances"] == [record["label"]]


def test_the_official_test_patient_is_test_and_validation_comes_out_of_training(tree, tmp_path):
    records, _ = tree.ingest(tmp_path / "out")
    assert records["Mass-Test_P_00003_LEFT_MLO"]["section"] == "test"
    assert Counter(record["section"] for record in records.values()) == {"training": 1, "validation": 1, "test": 1}


@pytest.mark.parametrize("names", [("000000.dcm", "000001.dcm"), ("000001.dcm", "000000.dcm")])
def test_the_mask_is_found_whatever_the_files_are_called(tree, tmp_path, names, monkeypatch):
    monkeypatch.setitem(FILE_NAMES, tree.layout, names)
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(40, 20)))
    records, report = tree.ingest(tmp_path / "out")
    label = read_mask(tmp_path / "out" / records["Mass-Training_P_00004_LEFT_CC"]["label"])
    assert (label == (disk(at=(40, 20)) > 0)).all()
    assert len(report["noted"]["crops left aside"]) == 4


def test_a_sixteen_bit_mask_is_a_mask(tree, tmp_path):
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(40, 20)).astype(np.uint16) * 257)
    records, _ = tree.ingest(tmp_path / "out")
    assert read_mask(tmp_path / "out" / records["Mass-Training_P_00004_LEFT_CC"]["label"]).sum() == 25


def test_several_masses_are_fused_and_kept_as_instances(tree, tmp_path):
    masks = [disk(at=(5, 5)), disk(at=(40, 30))]
    tree.add("Mass-Training_P_00004_LEFT_CC", *masks)
    record = tree.ingest(tmp_path / "out")[0]["Mass-Training_P_00004_LEFT_CC"]
    assert (read_mask(tmp_path / "out" / record["label"]) == (masks[0] + masks[1] > 0)).all()
    kept = [read_mask(tmp_path / "out" / path) for path in record["instances"]]
    assert [np.argwhere(mask)[0].tolist() for mask in kept] == [[5, 5], [40, 30]]


def test_the_most_suspicious_abnormality_describes_the_image(tree, tmp_path):
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(5, 5)), disk(at=(40, 30)))
    tree.rows[-1][9], tree.rows[-1][6] = "MALIGNANT", "IRREGULAR"
    record = tree.ingest(tmp_path / "out")[0]["Mass-Training_P_00004_LEFT_CC"]
    assert (record["pathology"], record["shape"]) == ("MALIGNANT", "IRREGULAR")


def test_a_mask_of_another_size_is_resampled_and_counted(tree, tmp_path):
    half = np.zeros((30, 20), np.uint8)
    half[10:15, 5:10] = 255
    tree.add("Mass-Training_P_00004_LEFT_CC", half)
    records, report = tree.ingest(tmp_path / "out")
    label = read_mask(tmp_path / "out" / records["Mass-Training_P_00004_LEFT_CC"]["label"], shape=SHAPE)
    assert np.argwhere(label).min(axis=0).tolist() == [20, 10]
    assert label.sum() == 100
    assert report["noted"]["masks resampled to the grid of their image"] == ["Mass-Training_P_00004_LEFT_CC_1"]


def test_a_mask_of_another_aspect_is_refused_and_counted(tree, tmp_path):
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(5, 5), shape=(60, 60)))
    records, report = tree.ingest(tmp_path / "out")
    assert "Mass-Training_P_00004_LEFT_CC" not in records
    assert report["skipped"]["E_MASK_ASPECT"][0].startswith("Mass-Training_P_00004_LEFT_CC: mask is 60 x 60, its image")


def test_of_two_masks_the_one_of_the_aspect_of_the_image_is_taken(tree, tmp_path):
    folder = tree.folder("Mass-Training_P_00001_LEFT_CC_1", "ROI mask images")
    write_dicom(folder / "000000a.dcm", "Mass-Training_P_00001_LEFT_CC_1", disk(at=(2, 2), shape=(12, 9)))
    write_dicom(folder / "000002.dcm", "Mass-Training_P_00001_LEFT_CC_1", disk(at=(2, 2), shape=(12, 9)))
    records, _ = tree.ingest(tmp_path / "out")
    label = read_mask(tmp_path / "out" / records["Mass-Training_P_00001_LEFT_CC"]["label"])
    assert (label == (disk(at=(10, 10)) > 0)).all()


def test_a_mask_of_exactly_the_size_of_the_image_goes_before_a_crop_of_its_aspect(tree, tmp_path):
    folder = tree.folder("Mass-Training_P_00001_LEFT_CC_1", "ROI mask images")
    crop = disk(at=(2, 2), shape=(SHAPE[0] // 2, SHAPE[1] // 2))
    for name in ("000000a.dcm", "000002.dcm"):
        write_dicom(folder / name, "Mass-Training_P_00001_LEFT_CC_1", crop)
    records, report = tree.ingest(tmp_path / "out")
    label = read_mask(tmp_path / "out" / records["Mass-Training_P_00001_LEFT_CC"]["label"])
    assert (label == (disk(at=(10, 10)) > 0)).all()
    assert report["noted"]["abnormalities with masks of other sizes, left aside"] == ["Mass-Training_P_00001_LEFT_CC_1"]


def test_two_full_size_masks_of_one_abnormality_are_fused_and_counted(tree, tmp_path):
    folder = tree.folder("Mass-Training_P_00001_LEFT_CC_1", "ROI mask images")
    write_dicom(folder / "000002.dcm", "Mass-Training_P_00001_LEFT_CC_1", disk(at=(40, 30)))
    records, report = tree.ingest(tmp_path / "out")
    label = read_mask(tmp_path / "out" / records["Mass-Training_P_00001_LEFT_CC"]["label"])
    assert (label == (disk(at=(10, 10)) + disk(at=(40, 30)) > 0)).all()
    assert report["noted"]["abnormalities with several full-size masks, fused"] == ["Mass-Training_P_00001_LEFT_CC_1"]


def test_an_image_that_lacks_one_of_its_masks_is_not_used(tree, tmp_path):
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(5, 5)), None)
    records, report = tree.ingest(tmp_path / "out")
    assert "Mass-Training_P_00004_LEFT_CC" not in records
    assert len(report["skipped"]["E_MASK_MISSING"]) == 1


def test_a_damaged_crop_is_counted_and_the_mask_used(tree, tmp_path):
    owner = "Mass-Training_P_00001_LEFT_CC_1"
    crop = tree.folder(owner, "ROI mask images") / FILE_NAMES[tree.layout][0]
    crop.write_bytes(crop.read_bytes()[:-50])
    records, report = tree.ingest(tmp_path / "out")
    assert "Mass-Training_P_00001_LEFT_CC" in records
    assert len(report["skipped"]["E_TRUNCATED"]) == 1


def test_a_mammogram_that_is_missing_or_cut_is_counted(tree, tmp_path):
    tree.add("Mass-Training_P_00004_LEFT_CC", disk(at=(5, 5)), image=False)
    tree.add("Mass-Training_P_00005_LEFT_CC", disk(at=(5, 5)))
    path = tree.folder("Mass-Training_P_00005_LEFT_CC", "full mammogram images") / "000000.dcm"
    path.write_bytes(path.read_bytes()[:-1000])
    _, report = tree.ingest(tmp_path / "out")
    assert {reason: len(what) for reason, what in report["skipped"].items()} == {"E_IMAGE_MISSING": 1, "E_TRUNCATED": 1}


def test_calcifications_stay_out_and_are_counted(tree, tmp_path):
    tree.add("Calc-Training_P_00006_LEFT_CC", disk(at=(5, 5)), kind="calcification")
    records, report = tree.ingest(tmp_path / "out")
    assert len(records) == 3
    assert len(report["skipped"]["calcification files, see --calcifications"]) == 3


def test_a_view_with_calcifications_only_has_an_empty_mask(tree, tmp_path):
    tree.add("Calc-Training_P_00006_LEFT_CC", disk(at=(5, 5)), kind="calcification")
    record = tree.ingest(tmp_path / "out", calcifications=True)[0]["Calc-Training_P_00006_LEFT_CC"]
    assert (record["has_mass"], record["instances"], "shape" in record) == (False, [], False)
    assert read_mask(tmp_path / "out" / record["label"], shape=SHAPE).sum() == 0


def test_a_patient_in_training_and_test_goes_to_test_and_is_counted(tree, tmp_path):
    tree.add("Calc-Test_P_00001_LEFT_CC", disk(at=(5, 5)), kind="calcification")
    tree.add("Mass-Training_P_00007_LEFT_CC", disk(at=(5, 5)))
    records, report = tree.ingest(tmp_path / "out", calcifications=True)
    assert records["Mass-Training_P_00001_LEFT_CC"]["section"] == "test"
    assert "Calc-Test_P_00001_LEFT_CC" not in records
    assert report["noted"]["patients of several official sections, moved to the last of them"] == ["P_00001"]


def test_the_last_line_counts_used_and_skipped(tree, tmp_path, capsys):
    (tree.root / "LICENSE").write_text("CC BY")
    tree.ingest(tmp_path / "out")
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith(
            "cbis_ddsm: 3 images of 3 patients used (training 1, validation 1, test 1); "
            "1 skipped (files that are not DICOM 1);"
        )
    )


def test_a_second_run_gives_the_same_datalist(tree, tmp_path):
    tree.ingest(tmp_path / "out")
    first = (tmp_path / "out" / "datalist.json").read_bytes()
    tree.ingest(tmp_path / "out")
    assert (tmp_path / "out" / "datalist.json").read_bytes() == first


def test_a_folder_without_tables_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongCallError, match="put the four tables"):
        ingest("cbis_ddsm", str(tmp_path / "empty"), output=str(tmp_path / "out"))


@pytest.fixture
def png_copy(tmp_path) -> Path:
    """Three patients as in the 256 x 256 copy, one row of which has no row in the tables."""
    root = tmp_path / "copy"
    tree = Tree(root / "csv", "uid")
    index = ["image_id,patient_id,laterality,view,official_split,image,mask"]
    for number in (1, 2, 3, 4):
        case = f"Mass-Training_P_0000{number}_LEFT_CC"
        if number != 4:
            tree.rows.append(
                [f"P_0000{number}", 2, "LEFT", "CC", 1, "mass", "OVAL", "N/A", 0, "BENIGN", 0, case, "", ""]
            )
        for folder, pixels in (("images", film((8, 8))), ("masks", np.eye(8, dtype=np.uint8) * 255)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{case}.png"), pixels)
        index.append(f"{case},P_0000{number},LEFT,CC,Training,images/{case}.png,masks/{case}.png")
    (root / "index.csv").write_text("\n".join(index))
    (root / "csv").mkdir()
    head = HEAD.format(density="breast_density", shape="mass shape", margin="mass margins")
    with (root / "csv" / "mass_case_description_train_set.csv").open("w", newline="") as file:
        file.write(head + "\n")
        csv.writer(file).writerows(tree.rows)
    return root


def test_the_png_copy_is_joined_with_the_tables(png_copy, tmp_path):
    ingest("cbis_ddsm", str(png_copy), output=str(tmp_path / "out"))
    datalist = read_datalist(tmp_path / "out" / "datalist.json")
    assert [len(datalist[section]) for section in ("training", "validation", "test")] == [1, 1, 1]
    record = datalist["test"][0]
    assert record["image"].startswith("../copy/images/Mass-Training_P_0000")
    assert (record["shape"], record["birads"], record["has_mass"]) == ("OVAL", 0, True)
    assert not {"margin", "subtlety", "instances", "pixel_spacing_mm"} & record.keys()


def test_a_png_without_a_row_in_the_tables_is_counted(png_copy, tmp_path):
    ingest("cbis_ddsm", str(png_copy), output=str(tmp_path / "out"))
    skipped = report_of(tmp_path / "out")["skipped"]
    assert skipped == {"images without a row in the tables": ["Mass-Training_P_00004_LEFT_CC"]}


@pytest.fixture
def finer_copy(png_copy) -> Path:
    """The same images at 16 x 16 in JPEG, without tables."""
    root = png_copy.parent / "finer"
    rows = [line.split(",") for line in (png_copy / "index.csv").read_text().splitlines()[1:]]
    (root / "images").mkdir(parents=True)
    for case, *_ in rows:
        cv2.imwrite(str(root / "images" / f"{case}.jpg"), (film((16, 16)) >> 8).astype(np.uint8))
        cv2.imwrite(str(root / f"{case}.png"), np.eye(16, dtype=np.uint8) * 255)
    lines = [f"{case},images/{case}.jpg,{case}.png" for case, *_ in rows]
    (root / "index.csv").write_text("\n".join(["image_id,image,mask", *lines]))
    return root


def test_a_finer_copy_has_its_facts_from_the_tables_of_another_and_goes_before_it(finer_copy, png_copy, tmp_path):
    ingest("cbis_ddsm", str(finer_copy), str(png_copy), output=str(tmp_path / "out"))
    record = read_datalist(tmp_path / "out" / "datalist.json")["test"][0]
    assert record["image"].startswith("../finer/images/Mass-Training_P_0000")
    assert (record["patient_id"], record["laterality"]) == (record["image_id"][14:21], "L")
    assert len(report_of(tmp_path / "out")["skipped"]["further copies of a mammogram"]) == 4


def test_a_copy_without_tables_says_that_their_folder_can_be_named_too(finer_copy, tmp_path):
    with pytest.raises(WrongCallError, match="or name their folder as one more input"):
        ingest("cbis_ddsm", str(finer_copy), output=str(tmp_path / "out"))


def test_an_index_may_name_images_of_another_folder_that_is_named_and_of_no_other(png_copy, tmp_path):
    index = png_copy / "index.csv"
    shutil.move(png_copy / "images", tmp_path / "elsewhere")
    index.write_text(index.read_text().replace("images/", f"{tmp_path}/elsewhere/"))
    with pytest.raises(NothingUsableError, match="names outside of the named folders 4"):
        ingest("cbis_ddsm", str(png_copy), output=str(tmp_path / "out"))
    ingest("cbis_ddsm", str(png_copy), str(tmp_path / "elsewhere"), output=str(tmp_path / "out"))
    record = read_datalist(tmp_path / "out" / "datalist.json")["test"][0]
    assert record["name"] == f"{record['image_id']}.png"


@pytest.mark.parametrize("old, new", [(",0,BENIGN", ",,BENIGN"), ("Mass-Training", "Film"), (",LEFT,CC", ",,CC")])
def test_a_row_that_tcia_did_not_write_is_named(png_copy, tmp_path, old, new):
    table = png_copy / "csv" / "mass_case_description_train_set.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(WrongCallError, match=r"row 1 of .*train_set\.csv lacks a number"):
        ingest("cbis_ddsm", str(png_copy), output=str(tmp_path / "out"))


def test_a_png_mask_of_another_size_is_refused(png_copy, tmp_path):
    cv2.imwrite(str(png_copy / "masks" / "Mass-Training_P_00001_LEFT_CC.png"), np.eye(9, dtype=np.uint8))
    with pytest.raises(WrongCallError, match=r"2 patients cannot fill 3 sections"):
        ingest("cbis_ddsm", str(png_copy), output=str(tmp_path / "out"))


def test_13_and_18_patients_of_the_real_tables_are_in_training_and_test(shared_data):
    patients: dict[tuple[str, str], set[str]] = {}
    for row in read_tables([shared_data / "cbis_ddsm"]):
        patients.setdefault((row.kind, row.section), set()).add(row.patient_id)
    assert len(patients["mass", "training"] & patients["calcification", "test"]) == 13
    assert len(patients["calcification", "training"] & patients["mass", "test"]) == 18


def test_the_31_patients_of_both_go_to_test(shared_data):
    rows = read_tables([shared_data / "cbis_ddsm"])
    rows = [{"patient_id": row.patient_id, "has_mass": True, "official": {row.section}} for row in rows]
    split, moved = split_records(rows, SplitRule(), seed=0)
    assert len(moved) == 31
    assert set(moved) <= {record["patient_id"] for record in split["test"]}


def test_the_real_tables_have_3568_rows_and_every_mass_has_a_pathology(shared_data):
    rows = read_tables([shared_data / "cbis_ddsm"])
    assert Counter(row.kind for row in rows) == {"mass": 1696, "calcification": 1872}
    assert all("pathology" in row.facts for row in rows)


def test_the_three_real_dicom_files_are_crops(shared_data, tmp_path):
    """Their mammograms made beside them, no mask is found, although one of the crops is called ROI mask 000000.dcm."""
    shutil.copytree(shared_data / "cbis_ddsm" / "dicom_layout", tmp_path / "tcia")
    shutil.copytree(shared_data / "cbis_ddsm" / "csv", tmp_path / "tcia" / "csv")
    for case in ("Mass-Test_P_00016_LEFT_CC", "Mass-Test_P_00116_RIGHT_MLO"):
        write_dicom(tmp_path / "tcia" / case / "000000.dcm", case, film((500, 400)))
    with pytest.raises(NothingUsableError, match="E_MASK_MISSING 2"):
        ingest("cbis_ddsm", str(tmp_path / "tcia"), output=str(tmp_path / "out"))
    report = report_of(tmp_path / "out")
    assert len(report["noted"]["crops left aside"]) == 3
    assert not (tmp_path / "out" / "datalist.json").exists()


def test_the_real_copy_gives_1231_images_of_691_patients(shared_data, tmp_path, capsys):
    ingest("cbis_ddsm", str(shared_data / "cbis_ddsm"), output=str(tmp_path / "out"))
    datalist = read_datalist(tmp_path / "out" / "datalist.json")
    patients = [len({record["patient_id"] for record in datalist[name]}) for name in ("training", "validation", "test")]
    assert patients == [483, 104, 104]
    assert "1231 images of 691 patients used" in capsys.readouterr().out
