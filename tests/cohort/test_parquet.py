"""The table of a cohort has every column of a row, whatever the values are."""

from dataclasses import fields

import pyarrow.parquet

from mammoseg.cohort.parquet import build_schema, build_table_row, with_copies, write_parquet
from mammoseg.prediction.table import Row, Status


def test_every_field_of_a_row_is_a_column():
    assert {field.name for field in fields(Row)} <= set(build_schema().names)


def test_values_come_back_as_they_went(tmp_path):
    row = Row("a.dcm", Status.FOUND, lesions=2, area_mm2=1.5, masses="Mass 1: 7 mm2")
    write_parquet([build_table_row("/a", "results/ab", row, copy_of=None, stored=True)], tmp_path / "t.parquet")
    (back,) = pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert (back["key"], back["stored"], back["status"], back["lesions"]) == ("/a", True, "mass found", 2)
    assert (back["area_mm2"], back["masses"], back["code"]) == (1.5, "Mass 1: 7 mm2", None)


def test_no_mammogram_is_a_table_without_rows(tmp_path):
    write_parquet([], tmp_path / "t.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "t.parquet").num_rows == 0


def test_files_of_the_same_bytes_are_copies_and_refused_ones_are_none():
    same = Row("a", Status.FOUND, source_sha256="ab")
    refused = Row("b", Status.REFUSED)
    rows = [("/a", "n", same), ("/b", "n", refused), ("/c", "n", refused), ("/d", "n", same)]
    assert [copy_of for *_, copy_of in with_copies(rows)] == [None, None, None, "/a"]
