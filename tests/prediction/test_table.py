"""results.csv: cells, numbers, and no formulas."""

import csv

import pytest

from mammoseg.prediction.table import Row, Status, write_table


def cells(row, path):
    write_table([row], path)
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.DictReader(file))


def test_what_does_not_apply_is_an_empty_cell(tmp_path):
    row = cells(Row("a.dcm", Status.REFUSED, "E_SIZE", "too small"), tmp_path / "t.csv")
    assert row["status"] == "refused"
    assert (row["lesions"], row["area_mm2"], row["segmentation"]) == ("", "", "")


@pytest.mark.parametrize("name", ["a;b,c.dcm", 'a"b.dcm', "ä.dcm"])
def test_odd_names_survive(name, tmp_path):
    assert cells(Row(name, Status.NOTHING), tmp_path / "t.csv")["file"] == name


@pytest.mark.parametrize("name", ["=cmd()", "+1+1", "-a", "@a"])
def test_file_name_is_no_formula(name, tmp_path):
    assert cells(Row(name, Status.NOTHING), tmp_path / "t.csv")["file"] == f"'{name}"


@pytest.mark.parametrize(("area", "text"), [(0.0, "0"), (12.3456, "12.35"), (123456.7, "123457")])
def test_numbers_have_no_exponent(area, text, tmp_path):
    assert cells(Row("a", Status.FOUND, area_mm2=area), tmp_path / "t.csv")["area_mm2"] == text
