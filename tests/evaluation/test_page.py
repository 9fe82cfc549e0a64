"""The page says what the tables say, and nothing that a name smuggles in."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mammoseg.evaluation.page import LABELS, write_html_report
from mammoseg.evaluation.plots import Case
from mammoseg.evaluation.tables import POOLED, summarise
from mammoseg.metrics import SCORES, compute_segmentation_scores
from tests.full_disk import files_up_to

TRUTH = np.zeros((64, 48), bool)
TRUTH[20:40, 10:30] = True
PREDICTION = np.zeros((64, 48), bool)
PREDICTION[20:40, 10:20] = True  # half of the truth: Dice 2/3


def make_case(image_id="image-1", truth=TRUTH, prediction=PREDICTION):
    image = np.random.default_rng(0).random(truth.shape)
    return Case(image_id, image, truth, prediction, compute_segmentation_scores(prediction, truth))


def write_page(folder, *cases, **options):
    rows = [{"image_id": case.image_id, "grid": "network", **case.scores} for case in cases]
    arguments = {
        "title": "Evaluation",
        "facts": {"Bundle": "unet"},
        "summary": summarise(rows),
        "provenance": {"seed": 0},
    } | options
    return write_html_report(folder, cases=cases, **arguments).read_text()


class Links(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.targets = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.targets += [value for name, value in attributes if name in ("src", "href")]


def test_page_shows_the_scores_of_a_case(tmp_path):
    assert "<dt>Dice</dt><dd>0.667</dd>" in write_page(tmp_path, make_case())


def test_a_picture_that_the_full_disk_cuts_off_is_no_page(tmp_path):
    noise = np.kron(TRUTH, np.ones((8, 8), bool))
    with files_up_to(100_000), pytest.raises(OSError, match="File too large"):
        write_page(tmp_path, make_case(truth=noise, prediction=noise))
    assert not list(tmp_path.rglob("*.*"))


def test_page_shows_mean_and_count(tmp_path):
    empty = make_case("b", truth=0 * TRUTH)

    page = re.sub(r"\s+", " ", write_page(tmp_path, make_case("a"), empty))

    assert '<td>Dice</td><td>network</td><td class="number">0.667</td>' in page
    assert '<td class="number">1</td><td class="number">1</td></tr>' in page


def test_every_link_is_a_file_beside_the_page(tmp_path):
    log = tmp_path / "metrics.csv"
    log.write_text("epoch,train_loss,val_mean_dice,lr\n1,0.9,0.2,0.001\n")

    page = write_page(tmp_path, make_case(), learning_curve_csv=log, links={"per image": "metrics.csv"})

    targets = Links(page).targets
    assert len(targets) == 8 and all((tmp_path / target).is_file() for target in targets)


def test_names_are_shown_as_text_not_as_markup(tmp_path):
    page = write_page(tmp_path, make_case("<script>alert(1)</script>"))

    assert "<script>" not in page and "&lt;script&gt;" in page


def test_file_names_carry_no_identifier(tmp_path):
    write_page(tmp_path, make_case("P_00123"))

    assert not [path for path in tmp_path.rglob("*") if "P_00123" in path.name]


def test_notice_of_phantoms_stands_on_the_page(tmp_path):
    assert "These weights know phantoms only." in write_page(
        tmp_path, make_case(), notice="These weights know phantoms only."
    )


def test_every_page_says_research_only(tmp_path):
    assert "For research only" in write_page(tmp_path, make_case())


def test_missed_mass_and_image_without_mass_are_named(tmp_path):
    page = write_page(tmp_path, make_case("a", prediction=0 * TRUTH), make_case("b", truth=0 * TRUTH))

    assert page.count("nothing predicted</span>") == page.count("no mass in the truth</span>") == 1


def test_nested_provenance_is_shown(tmp_path):
    assert '<th scope="row">hashes.lock</th><td class="value">abc</td>' in write_page(
        tmp_path, make_case(), provenance={"hashes": {"lock": "abc"}}
    )


def test_outline_of_the_truth_follows_the_mask(tmp_path):
    write_page(tmp_path, make_case())

    plain, outlined = (cv2.imread(str(tmp_path / "cases" / f"001_{name}.png")) for name in ("image", "truth"))
    rows, columns = np.nonzero((plain != outlined).any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 39, 10, 29)


def test_every_metric_of_a_summary_has_a_label():
    assert set(LABELS) == {*SCORES, *POOLED}


def test_prediction_is_drawn_over_the_truth(tmp_path):
    write_page(tmp_path, make_case())

    picture = cv2.imread(str(tmp_path / "cases" / "001_prediction.png"))
    assert picture[30, 10].tolist() == [0x1C, 0x9F, 0xFF]  # both outlines lie here, orange is on top
    assert picture[30, 29].tolist() == [0x84, 0xDC, 0x3D]  # only the truth reaches this column
