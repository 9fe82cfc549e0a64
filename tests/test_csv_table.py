"""The one way to read and write a CSV."""

import pytest

from mammoseg.csv_table import read_csv, write_csv
from mammoseg.errors import WrongCallError


@pytest.fixture
def table(tmp_path):
    return tmp_path / "table.csv"


def test_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_first_column(table):
    table.write_text("image,view\na,CC\n", encoding="utf-8-sig")
    assert read_csv(table) == (["image", "view"], [{"image": "a", "view": "CC"}])


def test_cell_that_a_short_row_lacks_is_empty(table):
    table.write_text("image,view\na\n")
    assert read_csv(table)[1] == [{"image": "a", "view": ""}]


def test_empty_cells_behind_the_last_heading_are_left_out(table):
    table.write_text("image;view\na;CC;; \n")
    assert read_csv(table, delimiter=";")[1] == [{"image": "a", "view": "CC"}]


def test_row_with_more_cells_than_headings_is_refused(table):
    table.write_text("image,area\na,1.5\nb,2,5\n")
    with pytest.raises(WrongCallError, match="row 3, has more cells than the 2 headings; write decimals with a point"):
        read_csv(table)


def test_column_that_is_needed_and_there_twice_is_refused(table):
    table.write_text("image,view,view\na,CC,MLO\n")
    with pytest.raises(WrongCallError, match="has two columns 'view'; keep one"):
        read_csv(table, needed=(name for name in ("image", "view")))
    assert read_csv(table, needed=("image",))[0] == ["image", "view", "view"]


@pytest.mark.parametrize(
    "content", ["image\nGröße\n".encode("latin-1"), b"PK\x03\x04\xff\xfe", "image\na\n".encode("utf-16")]
)
def test_what_is_no_text_in_utf_8_is_a_wrong_call(content, table):
    table.write_bytes(content)
    with pytest.raises(WrongCallError, match="table.csv is no CSV in UTF-8; save it"):
        read_csv(table)


def test_column_that_is_needed_is_named(table):
    table.write_text("image,view\n")
    with pytest.raises(WrongCallError, match="has no column 'pathology'; it has: image, view"):
        read_csv(table, needed=("image", "pathology"))


@pytest.mark.parametrize("name", ["=cmd()P0_L.png", "@a", "\tb", "-1+1", "'=c", "''=d", "'e", "f"])
def test_text_is_no_formula_in_the_file_and_comes_back_as_it_was(name, table):
    write_csv(table, [{"name": name}])
    assert not table.read_text().splitlines()[1].startswith(("=", "@", "\t", "-"))
    assert read_csv(table)[1] == [{"name": name}]


@pytest.mark.parametrize("number", [-0.25, "-0.25", "+1"])
def test_a_signed_number_stays_one(number, table):
    write_csv(table, [{"difference": number}])
    assert table.read_text() == f"difference\n{number}\n"
