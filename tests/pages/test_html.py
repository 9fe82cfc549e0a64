"""A page is written whole or not at all, and what a stranger named is text in it."""

import jinja2
import pytest

from mammoseg.pages.html import write_html


def test_values_are_text_and_numbers_are_short(tmp_path):
    (tmp_path / "a.html").write_text(
        "{% extends 'sheet.html' %}{% block title %}{{ name }} {{ (2 / 3) | number }}{% endblock %}"
    )
    write_html(tmp_path / "out.html", "a.html", tmp_path, name="<b>", value=1)
    page = (tmp_path / "out.html").read_text()
    assert "<title>&lt;b&gt; 0.667</title>" in page and "<h1>&lt;b&gt; 0.667</h1>" in page
    assert "For research only." in page and "<script" not in page


def test_a_value_that_nobody_gives_is_a_fault_and_leaves_no_page(tmp_path):
    (tmp_path / "a.html").write_text("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError):
        write_html(tmp_path / "out.html", "a.html", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
