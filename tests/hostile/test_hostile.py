"""Every hostile input of the reference, in one run of `predict` and one of `ingest`, with what has to become of it."""

from collections import Counter
from io import BytesIO
from operator import attrgetter

import highdicom as hd
import numpy as np
import pydicom
import pytest

from mammoseg.data.mammogram import read_mammogram
from tests.hostile.case import ACCEPTED, CANARY, COLUMNS, ROWS
from tests.hostile.corpus import CASES
from tests.hostile.pixels import PADDED_COLUMNS
from tests.hostile.run import GOOD, run_corpus
from tests.hostile.table import PAGE, page
from tests.made_predictor import BrightIsMass
from tests.run_predictor import run_predictor

each_case = pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
each_twin = pytest.mark.parametrize("case", [case for case in CASES if case.twin], ids=attrgetter("name"))


BAND = slice(30, 45)
"""Rows in which a bad network sees mass: less of the breast than is refused."""


class BandIsMass(BrightIsMass):
    """Stands in for a bad network, which sees mass from edge to edge."""

    def __call__(self, path):
        prediction = super().__call__(path)
        prediction.probability[:] = 0
        prediction.probability[BAND] = 1
        return prediction


@pytest.fixture(scope="module")
def run(tmp_path_factory, dcmcjpeg):
    return run_corpus(tmp_path_factory.mktemp("hostile"), CASES)


def test_names_of_cases_are_unique():
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


@each_case
def test_predict_does_what_is_expected(run, case):
    assert run.predict.codes[case.name] == case.expected


@each_case
def test_ingest_does_what_is_expected(run, case):
    assert run.ingest.codes[case.name] == (case.expected_of_ingest or case.expected)


@each_case
def test_a_refusal_is_one_line_and_leaves_no_output(run, case):
    for row in run.predict.rows[case.name]:
        lines = [line for line in run.predict.said if line.startswith(f"{row['file']}: E_")]
        if row["status"] == "refused":
            assert lines == [f"{row['file']}: {row['code']}: {row['reason']}"]
            assert (row["segmentation"], row["overlay"]) == ("", "")
        else:
            assert lines == []
            assert {row["segmentation"], row["overlay"]} <= run.predict.written.keys()


@each_twin
def test_an_accepted_file_has_the_grey_values_of_its_harmless_twin(run, case, tmp_path):
    (tmp_path / case.name).mkdir()
    pixels = read_mammogram(run.inputs[case.name]).pixels
    levels = 1 if case.row == 37 else 0
    np.testing.assert_allclose(pixels, read_mammogram(case.twin(tmp_path / case.name)).pixels, atol=levels, rtol=0)


def segmentation_of(run, name):
    (row,) = run.predict.rows[name]
    return pydicom.dcmread(BytesIO(run.predict.written[row["segmentation"]]))


@pytest.mark.parametrize("name", ["program-mz", "program-elf"])
def test_a_program_in_the_preamble_is_not_passed_on(run, name):
    (row,) = run.predict.rows[name]
    assert run.predict.written[row["segmentation"]][:128] == bytes(128)


@pytest.mark.parametrize("name", ["j2k-lossy", "jpegls-near", "jpeg-extended"])
def test_a_lossy_source_is_told_by_its_segmentation(run, name):
    assert segmentation_of(run, name).LossyImageCompression == "01"


@pytest.mark.parametrize("name", ["padding", "padding-range"])
def test_padding_is_no_mass_even_for_a_network_that_sees_mass_from_edge_to_edge(run, name, tmp_path):
    run_predictor(BandIsMass(), [run.inputs[name]], tmp_path)
    mass = hd.seg.segread(tmp_path / "a.seg.dcm").pixel_array.reshape(ROWS, COLUMNS) > 0
    assert mass[BAND, :-PADDED_COLUMNS].all()
    assert not mass[:, -PADDED_COLUMNS:].any()


def test_the_second_of_two_files_with_one_uid_is_refused_by_the_name_of_the_first(run):
    first, second = run.predict.rows["uid-twice"]
    assert first["status"] == "mass found"
    assert "SOP Instance UID" in second["reason"]
    assert first["file"] in second["reason"]


def test_a_link_out_of_a_folder_is_not_even_a_row(run):
    assert [row["file"] for row in run.predict.rows["link-out"]] == [str(run.inputs["link-out"] / "a.dcm")]
    assert "1 passed over" in "\n".join(run.predict.said)


def test_every_code_is_explained_in_the_table_of_predict():
    explained = (PAGE.parent / "predict.md").read_text(encoding="utf-8")
    assert {case.expected for case in CASES if f"`{case.expected}`" not in explained} <= {ACCEPTED}


def test_the_page_shows_this_very_run(run):
    assert PAGE.read_text(encoding="utf-8") == page(CASES, run), "run python -m tests.hostile.table"


@pytest.mark.parametrize("command", ["predict", "ingest"])
def test_the_good_files_of_the_batch_are_done(run, command):
    assert [getattr(run, command).codes[name] for name in GOOD] == [ACCEPTED] * len(GOOD)


def test_only_the_outputs_of_accepted_files_are_written(run):
    named = {row[key] for rows in run.predict.rows.values() for row in rows for key in ("segmentation", "overlay")}
    results = {name for name in run.predict.written if name.endswith((".seg.dcm", ".overlay.png"))}
    assert results == named - {""}


def test_predict_ends_with_exit_code_1_and_counts_the_refused(run):
    refused = sum(row["status"] == "refused" for rows in run.predict.rows.values() for row in rows)
    assert run.predict.exit_code == 1
    assert f"{refused} of " in run.predict.said[-1]


@pytest.mark.parametrize("command", ["predict", "ingest"])
def test_nothing_of_the_patient_comes_out(run, command):
    outcome = getattr(run, command)
    assert [line for line in outcome.said if CANARY in line] == []
    texts = {name for name, content in outcome.written.items() if not name.endswith(".dcm") and CANARY in str(content)}
    assert texts == set()


@pytest.mark.parametrize("command", ["predict", "ingest"])
def test_no_traceback_and_no_fault(run, command):
    said = "\n".join(getattr(run, command).said)
    assert "Traceback" not in said
    assert "E_FAULT" not in said


def test_no_input_is_touched(run):
    assert run.touched == []
