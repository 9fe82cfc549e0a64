"""Tables, lists and contours of a collection: whatever stands in them, `ingest` ends in one sentence, and reads no file
outside of the named folder.
"""

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg import cli
from mammoseg.errors import MammosegError, WrongCallError
from tests.made_dicom import mammogram_dataset
from tests.tiny_voc import write_tiny_voc

TABLES = {
    "inbreast": "INbreast.csv",
    "mias": "Info.txt",
    "vindr": "finding_annotations.csv",
    "cdd_cesm": "Radiology_hand_drawn_segmentations_v2.csv",
    "cbis_ddsm": "mass_case_description_train_set.csv",
    "voc": "VOC2012/ImageSets/Segmentation/train.txt",
}
"""What each source reads first, in the named folder."""

CONTENTS = {
    "empty": b"",
    "no text": b"\xff\xfe\x00\x01" * 40,
    "another table": b"a,b;c\n1,2;3\n",
    "quotes without end": b'"' + b"x" * 200_000,
    "NUL": b"study_id\x00,image_id\n\x00,\x00\n",
    "escapes": b"\x1b[31mred\x07,\x1b]0;title\x07\n",
    "one long line": b"," * 100_000,
}
"""Bytes that are no table of any source."""


def ingest(source: str, folder: Path, output: Path, *more: str) -> None:
    cli.run(["ingest", source, str(folder), "--output", str(output), *more])


def table_of(source: str, folder: Path) -> Path:
    path = folder / TABLES[source]
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("source", TABLES)
def test_a_table_that_is_none_ends_in_a_sentence(source, content, tmp_path, capsys):
    table_of(source, tmp_path / "in").write_bytes(CONTENTS[content])
    with pytest.raises(MammosegError) as raised:
        ingest(source, tmp_path / "in", tmp_path / "out")
    assert raised.value.exit_code in (2, 3)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder"])
@pytest.mark.parametrize("source", TABLES)
def test_a_table_that_is_no_file_is_not_waited_for(source, kind, tmp_path):
    table = table_of(source, tmp_path / "in")
    {"pipe": os.mkfifo, "loop": lambda path: path.symlink_to(path), "folder": Path.mkdir}[kind](table)
    with pytest.raises(MammosegError):
        ingest(source, tmp_path / "in", tmp_path / "out")


def outside(folder: Path, *, name: str) -> Path:
    """A readable picture beside the named folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8))
    return folder / name


@pytest.fixture
def opened(monkeypatch):
    """Paths that the decoders were asked for."""
    paths: list[str] = []
    for module in ("cbis_ddsm_png", "vindr"):
        monkeypatch.setattr(f"mammoseg.data.{module}.read_mammogram", lambda path, **_: paths.append(str(path)))
    monkeypatch.setattr("mammoseg.data.voc.read_photograph", lambda path: paths.append(str(path)))
    return paths


@pytest.mark.parametrize("way", ["up", "absolute", "link"])
def test_an_index_leads_to_no_picture_outside_of_its_folder(way, opened, tmp_path):
    secret = outside(tmp_path / "secret", name="s.png")
    root = tmp_path / "in"
    root.mkdir()
    (root / "images").symlink_to(secret.parent)
    named = {"up": "../secret/s.png", "absolute": str(secret), "link": "images/s.png"}[way]
    (root / "index.csv").write_text(f"image_id,image,mask\nMass-Training_P_00001_LEFT_CC,{named},{named}\n")
    head = "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
    head += "mass margins,assessment,pathology,subtlety,image file path\n"
    row = "P_00001,2,LEFT,CC,1,mass,OVAL,N/A,0,BENIGN,0,Mass-Training_P_00001_LEFT_CC\n"
    (root / "mass_case_description_train_set.csv").write_text(head + row)
    with pytest.raises(MammosegError, match="files that an index.csv names outside of its folder 1"):
        ingest("cbis_ddsm", root, tmp_path / "out")
    assert opened == []


@pytest.mark.parametrize("name", ["../../../secret/s", "/etc/passwd", "\x1b[31m", "x" * 5000])
def test_a_list_of_voc_leads_to_no_picture_outside_of_its_folder(name, opened, tmp_path):
    outside(tmp_path / "secret", name="s.jpg")
    outside(tmp_path / "secret", name="s.png")
    devkit = write_tiny_voc(tmp_path)
    for listing in (devkit / "VOC2012" / "ImageSets" / "Segmentation").iterdir():
        listing.write_text(name)
    with pytest.raises(MammosegError, match="E_IMAGE_MISSING 2"):
        ingest("voc", devkit, tmp_path / "out")
    assert opened == []


def write_vindr(root: Path, *, study: str, name: str, categories: str = "['Mass']", box: str = "1,1,5,5") -> None:
    head = "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
    head += "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split"
    row = [
        study,
        "s",
        name,
        "L",
        "MLO",
        "60",
        "40",
        "BI-RADS 4",
        "DENSITY C",
        categories,
        "",
        *box.split(","),
        "training",
    ]
    root.mkdir(parents=True, exist_ok=True)
    with (root / "finding_annotations.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head.split(","), row])


@pytest.mark.parametrize(
    ("study", "name"), [("..", "s"), ("../../secret", "s"), ("link", "s"), ("a\x00b", "s"), ("a" * 5000, "s")]
)
def test_a_table_of_vindr_leads_to_no_image_outside_of_its_folder(study, name, opened, tmp_path):
    secret = tmp_path / "secret" / "s.dicom"
    secret.parent.mkdir()
    secret.write_bytes(b"secret")
    (tmp_path / "in" / "images").mkdir(parents=True)
    (tmp_path / "in" / "images" / "link").symlink_to(secret.parent)
    write_vindr(tmp_path / "in", study=study, name=name)
    with pytest.raises(MammosegError):
        ingest("vindr", tmp_path / "in", tmp_path / "out")
    assert opened == []


@pytest.mark.parametrize(
    "changed",
    [
        {"categories": "[" * 100_000},
        {"categories": "{'Mass': 1}"},
        {"categories": "[" + "9" * 5000 + "]"},
        {"box": "nan,1,5,5"},
        {"box": "1e308,1e308,1e309,inf"},
        {"box": f"{'9' * 400},1,5,5"},
        {"box": "-1e30,-1e30,-1e29,-1e29"},
    ],
)
def test_a_cell_of_vindr_that_cannot_be_is_counted(changed, tmp_path):
    path = tmp_path / "in" / "images" / "study" / "image.dicom"
    path.parent.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 4096, (60, 40), dtype=np.uint16)
    mammogram_dataset(pixels).save_as(path, enforce_file_format=True)
    write_vindr(tmp_path / "in", study="study", name="image", **changed)
    with pytest.raises(MammosegError, match="no image could be used, 1 skipped"):
        ingest("vindr", tmp_path / "in", tmp_path / "out")


def test_a_folder_of_csaw_that_is_a_link_elsewhere_is_not_followed(tmp_path):
    outside(tmp_path / "secret", name="000_0.png")
    outside(tmp_path / "secret", name="000_0_cancer.png")
    (tmp_path / "in" / "anonymized_dataset").mkdir(parents=True)
    (tmp_path / "in" / "anonymized_dataset" / "000").symlink_to(tmp_path / "secret")
    with pytest.raises(MammosegError, match="E_NOT_A_FILE 1"):
        ingest("csaw_s", tmp_path / "in", tmp_path / "out")


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "lol">%s]>
<plist version="1.0"><dict><key>Images</key><string>&z;</string></dict></plist>""" % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 20) for letter in b"bcdefghijklmnopqrstuvwxyz"
)


@pytest.mark.parametrize(
    "xml",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><plist><string>&e;</string></plist>',
        b"<plist>" + b"<array>" * 200_000,
        b"<plist><dict><key>Images</key><array><integer>9</integer></array></dict></plist>",
        b"\xff\xfe" + "<plist/>".encode("utf-16-le"),
        b"bplist00\xff\xff",
    ],
)
def test_contours_of_inbreast_that_are_none_are_counted(xml, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 4096, (60, 40), dtype=np.uint16)
    mammogram_dataset(pixels).save_as(root / "1_ab_MG_R_CC_ANON.dcm", enforce_file_format=True)
    (root / "1.xml").write_bytes(xml)
    (root / "INbreast.csv").write_text("File Name;Laterality;View;ACR;Bi-Rads\n1;R;CC;2;4a\n")
    with pytest.raises(MammosegError, match="E_CONTOURS 1"):
        ingest("inbreast", root, tmp_path / "out")


@pytest.mark.parametrize(
    "more",
    [
        ["--shares", "nan,1,1"],
        ["--shares", "inf,1,1"],
        ["--shares", "1e400,1,1"],
        ["--shares", ",,"],
        ["--by", ""],
        ["--by", "\x1b[31m"],
        ["--all", "\u202etset"],
        ["--protocol", ""],
        ["--protocol", "sun2020", "--all", "test"],
        ["--seed", "-1"],
        ["--folds", "9" * 5000],
        ["--test_patients", "."],
        ["--test_patients", "/dev/zero"],
    ],
)
def test_options_of_ingest_that_cannot_be_are_a_wrong_call(more, tmp_path):
    with pytest.raises(WrongCallError):
        cli.run(["ingest", "phantom", "--output", str(tmp_path / "out"), "--patients", "3", "--size", "64", *more])
