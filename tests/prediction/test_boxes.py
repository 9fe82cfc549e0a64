"""`mammoseg predict --boxes`: a table of boxes in, and all results as ever, which say whose boxes they were."""

import numpy as np
import pydicom
import pytest

from mammoseg.data.masks import read_mask
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.algorithm import ONLY_IN_BOXES
from mammoseg.errors import PartlyRefusedError, WrongCallError
from mammoseg.prediction.box_table import read_boxes
from mammoseg.prediction.predict import predict
from mammoseg.transforms.functional.geometry import Box
from tests.label.bright_model import write_bright_weights
from tests.prediction.outputs import rows_of

HEADINGS = "image,top,left,bottom,right"

BOXES = f"{HEADINGS}\na.dcm,10,5,31,26\n"
"""A box around the upper disc of `mass`, 17 x 17 pixels."""


@pytest.fixture
def films(tmp_path, pixels):
    for name in ("a", "b"):
        write_mammogram(tmp_path / "films" / f"{name}.dcm", pixels, study=name)
    return tmp_path / "films"


@pytest.fixture
def patches(tmp_path):
    return write_bright_weights(tmp_path / "patches.pt", spatial_size=(64, 64), patch_area=1.2)


def write_boxes(tmp_path, text):
    (tmp_path / "boxes.csv").write_text(text)
    return tmp_path / "boxes.csv"


def run_predict(*inputs, patches, boxes, output, **options):
    predict(*inputs, output=output, bundle="unet", weights=patches, boxes=boxes, runtime="torch", **options)


def test_a_mass_in_a_box_is_found_a_mass_beside_it_is_not_and_an_image_without_a_box_is_refused(
    films, patches, mass, tmp_path, capsys
):
    output = tmp_path / "out"
    with pytest.raises(PartlyRefusedError):
        run_predict(films, patches=patches, boxes=write_boxes(tmp_path, BOXES), output=output)
    first, second = rows_of(output)
    assert (first["status"], first["lesions"], first["boxes"]) == ("mass found", "1", "given by a person: 10 5 31 26")
    assert (second["status"], second["code"]) == ("refused", "E_NO_BOX") and second["segmentation"] == ""
    found, upper = read_mask(output / "a.seg.dcm", shape=(80, 60)) > 0, mass & (np.indices((80, 60))[0] < 40)
    assert np.count_nonzero(found ^ upper) <= 12 and not found[40:].any()
    said = capsys.readouterr().err
    assert "b.dcm: E_NO_BOX: these weights look at patches" in said
    assert ") names an image by the end of its path, letter by letter, A not as a" in said
    for file in ("a.seg.dcm", "a.sr.dcm"):
        assert "boxes=given by a person: 10 5 31 26" in pydicom.dcmread(output / file).to_json(), file
    page = (output / "index.html").read_text()
    assert "given by a person in boxes.csv (SHA-256 " in page and "Boxes given by a person: 10 5 31 26" in page


def test_what_is_done_stays_until_the_table_changes(films, patches, tmp_path, capsys):
    both = f"{BOXES}b.dcm,10,5,31,26\n"
    call = {"patches": patches, "boxes": write_boxes(tmp_path, both), "output": tmp_path / "out"}
    run_predict(films, **call)
    run_predict(films, **call)
    assert "2 of 2 files done already, left as they are" in capsys.readouterr().err
    write_boxes(tmp_path, both.replace("b.dcm,10,5", "b.dcm,9,5"))
    run_predict(films, **call)
    assert "done already, left" not in capsys.readouterr().err
    assert rows_of(tmp_path / "out")[1]["boxes"] == "given by a person: 9 5 31 26"


def test_boxes_that_nothing_looked_at_are_counted(films, patches, tmp_path, capsys):
    boxes = write_boxes(tmp_path, f"{BOXES}c.dcm,1,2,3,4\nd,1,2,3,4\n")
    run_predict(films / "a.dcm", patches=patches, boxes=boxes, output=tmp_path / "out")
    assert "2 of 3 boxes in boxes.csv" in (said := capsys.readouterr().err)
    assert "not looked at: of no image of this run, or of one that was refused." in said


def test_a_box_that_is_missed_is_said_although_another_was_looked_at_twice(films, patches, tmp_path, capsys):
    copy = tmp_path / "films" / "copy.dcm"
    copy.write_bytes((films / "a.dcm").read_bytes())
    uid = pydicom.dcmread(copy).SOPInstanceUID
    boxes = write_boxes(tmp_path, f"{HEADINGS}\n{uid},10,5,31,26\nb.dcm,9,5,31,26\nd,10,5,31,26\n")
    run_predict(films, patches=patches, boxes=boxes, output=tmp_path / "out")
    looked = [row["boxes"].removeprefix("given by a person: ") for row in rows_of(tmp_path / "out")]
    assert looked == ["10 5 31 26", "9 5 31 26", "10 5 31 26"]
    said = capsys.readouterr().err
    assert "1 of 3 boxes in boxes.csv" in said and "The first is of 'd'." in said


def test_an_image_that_loses_its_box_loses_its_earlier_results(films, patches, tmp_path):
    call = {"patches": patches, "output": tmp_path / "out"}
    run_predict(films, boxes=write_boxes(tmp_path, f"{BOXES}b.dcm,10,5,31,26\n"), **call)
    (tmp_path / "out" / "b.sr.dcm").write_bytes(b"changed by somebody")
    with pytest.raises(PartlyRefusedError):
        run_predict(films, boxes=write_boxes(tmp_path, BOXES), **call)
    assert sorted(path.name for path in (tmp_path / "out").glob("b.*")) == ["b.sr.dcm"]
    assert (tmp_path / "out" / "a.seg.dcm").is_file()


def test_pictures_and_presentation_state_say_that_only_boxes_were_looked_at(films, patches, tmp_path):
    boxes = write_boxes(tmp_path, BOXES)
    run_predict(films / "a.dcm", patches=patches, boxes=boxes, output=tmp_path / "out", objects="gsps,seg")
    drawn = pydicom.dcmread(tmp_path / "out" / "a.gsps.dcm").GraphicAnnotationSequence[0].TextObjectSequence
    assert [text.UnformattedTextValue for text in drawn][-2:] == ["AI, not for diagnosis", ONLY_IN_BOXES]


def test_boxes_of_one_image_under_two_names_stand_in_one_order(tmp_path):
    table = read_boxes(write_boxes(tmp_path, f"{HEADINGS}\n1.2.3,4,4,9,9\na.dcm,2,2,9,9\na,3,3,9,9\nf/a,1,1,9,9\n"))
    assert [box.top for box in table.find(tmp_path / "f" / "a.dcm", "1.2.3")] == [3, 2, 1, 4]


@pytest.mark.parametrize("name", ["a.dcm", "a", "films/a.dcm", "films/a", " a.dcm ", "{folder}/films/a.dcm", "1.2.3.4"])
def test_an_image_is_named_by_the_end_of_its_path_or_by_its_uid(name, tmp_path):
    table = read_boxes(write_boxes(tmp_path, f"{HEADINGS}\n{name.format(folder=tmp_path)},0,1,20.5,31\n"))
    assert table.find(tmp_path / "films" / "a.dcm", "1.2.3.4") == (Box(0, 1, 21, 30),)
    assert table.find(tmp_path / "films" / "ba.dcm", None) == table.find(tmp_path / "films/a/c.dcm", None) == ()


def test_a_path_from_the_folder_of_the_call_is_that_path(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    table = read_boxes(write_boxes(tmp_path, f"{HEADINGS}\n../films/a.png,0,1,20,31\n"))
    assert table.find(tmp_path / "films" / "a.png", None) and not table.find(tmp_path / "more/films/a.png", None)


def test_a_name_that_fits_two_files_is_refused_before_anything_is_loaded(tmp_path, pixels):
    for folder in ("p1", "p2"):
        write_mammogram(tmp_path / folder / "cc.dcm", pixels, study=folder)
    boxes = write_boxes(tmp_path, f"{HEADINGS}\ncc.dcm,10,5,31,26\n")
    with pytest.raises(WrongCallError, match=r"'cc.dcm' in boxes.csv .* is the end of two paths, .*p1/cc.dcm and .*p2"):
        predict(tmp_path / "p1", tmp_path / "p2", output=tmp_path / "out", weights=tmp_path / "none.pt", boxes=boxes)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,top,left,bottom\na,1,2,3", "has no column 'right'; it has: image, top, left, bottom"),
        (HEADINGS, "has no box; write a row for each, image,top,left,bottom,right"),
        (f"{HEADINGS}\n,1,2,3,4", "row 2, names no image; write the end of its path"),
        (f"{HEADINGS}\na,1,2,x,4", "row 2: bottom is 'x'; give a pixel of the image, from 0"),
        (f"{HEADINGS}\na,1,2,3", "row 2: right is ''; give a pixel"),
        (f"{HEADINGS}\na,5,2,5,4", "row 2: 5 2 5 4 are no top, left, bottom, right; give pixels from 0"),
        (f"{HEADINGS}\na,1,2,inf,4", "row 2: 1 2 inf 4 are no top"),
        (f"{HEADINGS}\na,nan,2,3,4", "row 2: nan 2 3 4 are no top"),
        (
            f"{HEADINGS}\na,22,2,49,5,17,1,44,0",
            "row 2, has more cells than the 5 headings; write decimals with a point",
        ),
        (f"{HEADINGS},top\na,1,2,3,4,5", "has two columns 'top'"),
        (f"{HEADINGS}\na,1,2_2,30,40", "row 2: left is '2_2'; give a pixel"),
        (f"{HEADINGS}\na,1,2,1e300,4", r"row 2: 1 2 1e\+300 4 are no top"),
        (f"{HEADINGS}\na,1,2,3,2147483649", "row 2: .* are no top"),
        (HEADINGS + "\na,1,2,3,4" * 65, "row 66: more than 64 boxes of one image are none of masses"),
    ],
)
def test_a_table_that_is_none_is_refused(text, said, tmp_path):
    with pytest.raises(WrongCallError, match=said):
        read_boxes(write_boxes(tmp_path, text))
