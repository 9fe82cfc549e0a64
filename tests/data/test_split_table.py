"""Rows of a split, from a CSV with columns of any name and from a datalist."""

from pathlib import Path

import pytest

from mammoseg.data.split_table import COLUMNS, SplitRow, is_table, read_rows
from mammoseg.errors import NothingUsableError, WrongCallError


@pytest.fixture
def write(tmp_path):
    def write(text, name="split.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("name", "expected"), [("a.csv", True), ("a", True), ("a.txt", True), ("d.json", False), ("D.JSON", False)]
)
def test_what_is_not_named_json_is_a_table(name, expected):
    assert is_table(name) == is_table(Path(name)) == expected


def test_a_row_has_its_picture_beside_the_table_and_no_spaces_around_its_words(write, tmp_path):
    path = write("image,patient,split\nfilms/a.png, P1 ,train \n")
    assert read_rows(path, COLUMNS) == [SplitRow("train", tmp_path / "films/a.png", "films/a.png", "P1", None, "")]


def test_columns_have_the_names_that_the_caller_says_and_a_side_may_be_empty(write):
    path = write("who,where,file,breast\nP1,test,a.png,L\nP2,train,b.png,\n")
    rows = read_rows(path, {"image": "file", "patient": "who", "split": "where", "side": "breast"})
    assert [(row.patient, row.section, row.name, row.breast) for row in rows] == [
        ("P1", "test", "a.png", "L"),
        ("P2", "train", "b.png", None),
    ]


def test_a_column_that_is_not_there_is_named(write):
    with pytest.raises(WrongCallError, match="no column 'patient'; it has: image, split"):
        read_rows(write("image,split\na.png,train\n"), COLUMNS)


def test_a_row_that_lacks_a_value_is_named_by_its_number(write):
    with pytest.raises(NothingUsableError, match="row 2, has no patient; give one, or take the row out"):
        read_rows(write("image,patient,split\na.png,P1,train\nb.png, ,test\n"), COLUMNS)


@pytest.mark.parametrize("name", ["split.csv", "datalist.json"])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(NothingUsableError, match="is not a file; name a datalist.json, or a CSV"):
        read_rows(tmp_path / name, COLUMNS)
