"""The DICOM conformance statement is what the code does."""

from scripts.write_conformance import PAGE, render_conformance


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == render_conformance(), "run: python scripts/write_conformance.py"


def test_what_is_written_is_told_from_what_is_taken_over():
    rows = render_conformance().splitlines()
    assert "| Patient ID | (0010,0020) | 2 | *image* |" in rows
    assert "| Manufacturer | (0008,0070) | 1 | mammoseg |" in rows
    assert "| SOP Instance UID | (0008,0018) | 1 | *computed* |" in rows
    assert "| Segmentation Storage | 1.2.840.10008.5.1.4.1.1.66.4 |  | yes |" in rows
