"""Every hostile input of the reference, in one run of `predict` and one of `ingest`, with what has to become of it."""

from collections import Counter
from operator import attrgetter

import numpy as np
import pytest

from mammoseg.data.mammogram import read_mammogram
from tests.hostile.case import ACCEPTED, CANARY
from tests.hostile.corpus import CASES
from tests.hostile.run import GOOD, run_corpus

each_case = pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
each_twin = pytest.mark.parametrize("case", [case for case in CASES if case.twin], ids=attrgetter("name"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
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
    np.testing.assert_allclose(pixels, read_mammogram(case.twin(tmp_path / case.name)).pixels, atol=1, rtol=0)


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
