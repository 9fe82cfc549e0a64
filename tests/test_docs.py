"""The pages say what is so: links to headings lead there, on the site and on GitHub; no code is left out."""

import re
from pathlib import Path
from unicodedata import normalize

import pytest

ROOT = Path(__file__).resolve().parents[1]

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("bundles/*/docs/*.md"))]

TO_A_HEADING = re.compile(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)")

OF_NO_MAMMOGRAM = {"E_SEG", "E_SEG_IMAGE", "E_SEG_SEGMENT"}
"""Codes of the DICOM room for segmentations that are read."""


def text_of(page):
    """A page without its blocks of code, in which a line may begin as a heading does."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page):
    """Anchors of the headings that are the same on GitHub and in mkdocs."""
    headings = re.findall(r"^#+ (.*?) *$", text_of(page), re.MULTILINE)
    plain = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower() for heading in headings]
    on_github = {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}
    ascii_only = (normalize("NFKD", heading).encode("ascii", "ignore").decode() for heading in plain)
    on_site = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip()) for heading in ascii_only}
    return on_github & on_site


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_heading_leads_there_on_github_and_on_the_site(page):
    for path, anchor in TO_A_HEADING.findall(text_of(page)):
        target = page.parent / path if path else page
        assert anchor in anchors_of(target), f"{path}#{anchor}"


def test_the_table_of_predict_has_every_code_that_a_mammogram_can_get():
    rooms = [ROOT / "mammoseg" / room for room in ("cohort", "dicom", "inference", "prediction")]
    decoders = [ROOT / "mammoseg" / "data" / f"{name}.py" for name in ("mammogram", "picture_decoder", "nifti_decoder")]
    files = [*decoders, *(file for room in rooms for file in room.rglob("*.py"))]
    raised = {code for file in files for code in re.findall(r'"(E_[A-Z_]+)"', file.read_text(encoding="utf-8"))}
    raised -= OF_NO_MAMMOGRAM
    page = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    told = {code for row in re.findall(r"^\| (`E_[^|]*)\|", page, re.MULTILINE) for code in re.findall(r"\w+", row)}
    assert len(raised) > 30 and raised <= told, sorted(raised - told)
