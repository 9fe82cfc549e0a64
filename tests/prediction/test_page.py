"""The page of a run says what must be said, and nothing that a file name smuggles in."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest

from mammoseg.dicom.algorithm import Algorithm
from mammoseg.prediction.options import Options, Run
from mammoseg.prediction.page import write_page
from mammoseg.prediction.table import Row, Status
from mammoseg.provenance import FILM_WARNING, PHANTOM_WARNING

ALGORITHM = Algorithm("aunet", "0.1.0", "cd" * 32, 0.35, weights_file="shipped.safetensors", trained_on="cbis_ddsm")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
FOUND = Row(
    "in/a.dcm",
    Status.FOUND,
    lesions=2,
    area_mm2=12.3,
    max_probability=0.91,
    segmentation="a.seg.dcm",
    overlay="a.overlay.png",
    seconds=1.5,
)
NOTHING = Row(
    "in/b.dcm",
    Status.NOTHING,
    lesions=0,
    max_probability=0.1,
    segmentation="b.seg.dcm",
    overlay="b.overlay.png",
    seconds=1.5,
)
REFUSED = Row("in/c.dcm", Status.REFUSED, "E_SIZE", "the image is 0 x 5", seconds=0.1)


class Tags(HTMLParser):
    """Collects tags with their attributes, and visible text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def page(rows, path, warning=None):
    write_page(rows, Run(replace(ALGORITHM, warning=warning), WHEN, path.parent, Options()), path)
    return Tags(path.read_text(encoding="utf-8"))


def test_page_names_weights_threshold_and_purpose(tmp_path):
    text = page([FOUND], tmp_path / "index.html").text
    for fact in (
        "aunet 0.1.0",
        "shipped.safetensors SHA-256 " + "cd" * 32,
        "cbis_ddsm",
        "at least 0.35",
        "Research only, not for diagnosis.",
        "2026-01-02 03:04 UTC",
    ):
        assert fact in text


@pytest.mark.parametrize("warning", [PHANTOM_WARNING, FILM_WARNING])
def test_page_says_what_must_be_said_of_the_weights(warning, tmp_path):
    assert warning in page([FOUND], tmp_path / "index.html", warning).text
    assert warning not in page([FOUND], tmp_path / "index.html").text


def test_each_segmented_file_has_its_picture_and_mask(tmp_path):
    tags = page([FOUND, NOTHING, REFUSED], tmp_path / "index.html").tags
    assert [attributes["src"] for tag, attributes in tags if tag == "img"] == ["a.overlay.png", "b.overlay.png"]
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {"a.seg.dcm", "b.seg.dcm", "results.csv"} <= set(links)


def test_refused_file_has_its_reason(tmp_path):
    assert "E_SIZE: the image is 0 x 5" in page([REFUSED], tmp_path / "index.html").text


def test_score_and_raw_peak_stand_in_columns_of_their_own_and_the_picture_shows_the_score_only(tmp_path):
    scored = replace(FOUND, masses="Mass 1: 12.3 mm2", scores="Mass 1: 0.42", score_kind="calibrated on films")
    tags = page([scored, NOTHING], tmp_path / "index.html")
    cells = tags.text.replace("\n", " ")
    assert "Score Raw peak" in re.sub(r"(?<=Score)(?=Raw)", " ", cells)
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    captions = re.findall(r"<figcaption>.*?</figcaption>", html, re.DOTALL)
    assert "Score Mass 1: 0.42" in captions[0]
    assert not [caption for caption in captions if "0.91" in caption or "0.100" in caption]
    assert re.findall(r"<td>Mass 1: 0.42</td>\s*<td class=\"number\">0.910</td>", html)


def test_what_was_too_small_stands_beside_no_mass_found(tmp_path):
    text = page([replace(NOTHING, left_out="2 regions under 10 mm2")], tmp_path / "index.html").text
    assert text.count("Left out: 2 regions under 10 mm²") == 2  # at the picture, and in the table


def test_unknown_area_is_not_a_number(tmp_path):
    assert "unknown" in page([NOTHING], tmp_path / "index.html").text


def test_file_name_is_text_not_markup(tmp_path):
    name = '<script>alert(1)</script>"onerror=x.dcm'
    tags = page([Row(name, Status.REFUSED, "E_X", "<b>bold</b>"), FOUND], tmp_path / "index.html")
    assert not [tag for tag, _ in tags.tags if tag in ("script", "b")]
    assert name in tags.text


def test_page_asks_for_nothing_from_elsewhere(tmp_path):
    tags = page([FOUND, NOTHING, REFUSED], tmp_path / "index.html").tags
    addresses = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href")]
    assert addresses
    assert not [address for address in addresses if ":" in address or address.startswith("/")]
