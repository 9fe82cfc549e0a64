"""A list of patients is the test section, and nobody of an official test is trained on."""

import pytest

from mammoseg.data.datalist import read_datalist
from mammoseg.data.held_out import hold_out, read_patients
from mammoseg.data.ingest import ingest
from mammoseg.data.ingest_job import IngestReport
from mammoseg.errors import WrongCallError


def image(patient, *official):
    return {"image_id": f"{patient}-cc", "patient_id": patient, "has_mass": True, "official": set(official)}


def test_patients_of_the_list_are_the_test_and_those_of_another_official_test_are_left_out():
    report = IngestReport()
    records = [image("a", "training"), image("b", "training"), image("c", "test"), image("d", "test")]
    kept = hold_out(records, ["A", "D"], conceal=str.lower, report=report)
    assert [(record["patient_id"], record.get("official")) for record in kept] == [
        ("a", {"test"}),
        ("b", None),
        ("d", {"test"}),
    ]
    assert report.skipped == {"official test image of a patient who is not in the list": ["c-cc"]}


def test_a_patient_without_an_image_is_refused():
    with pytest.raises(WrongCallError, match="1 patient of the 2 to be tested on have no image .* such as 'P_9'"):
        hold_out([image("a")], ["a", "P_9"], conceal=str, report=IngestReport())


def test_codes_stand_one_a_line_with_remarks_and_empty_lines_between(tmp_path):
    (tmp_path / "list.txt").write_bytes("\ufeffP_1 # first\r\n\r\n# all\r\nP_2\r\nP_1\r\n".encode())
    assert read_patients(tmp_path / "list.txt") == ["P_1", "P_2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\n# nobody\n", "names no patient"), (b"\xff\xfe\x00P", "is no text in UTF-8"), (None, "cannot be read")],
)
def test_a_list_that_is_none_is_refused(content, said, tmp_path):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(WrongCallError, match=said):
        read_patients(tmp_path / "list.txt")


def test_ingest_tests_on_the_patients_of_the_list_and_says_so(tmp_path):
    ingest("phantom", output=str(tmp_path / "all"), patients=4, size=64)
    patients = sorted(
        {record["patient_id"] for record in read_datalist(tmp_path / "all" / "datalist.json")["training"]}
    )
    (tmp_path / "list.txt").write_text(patients[0], encoding="utf-8")
    ingest("phantom", output=str(tmp_path / "new"), patients=4, size=64, test_patients=str(tmp_path / "list.txt"))
    new = read_datalist(tmp_path / "new" / "datalist.json")
    assert {record["patient_id"] for record in new["test"]} == {patients[0]}
    assert new["training"] and new["validation"] and new["split"]["test_patients"] == 1


@pytest.mark.parametrize("other", [{"all_in": "test"}, {"protocol": "official"}])
def test_only_one_option_says_who_is_tested_on(other, tmp_path):
    (tmp_path / "list.txt").write_text("P_1", encoding="utf-8")
    with pytest.raises(WrongCallError, match="--test_patients and --.* both say who is tested on"):
        ingest("cbis_ddsm", output=str(tmp_path / "new"), test_patients=str(tmp_path / "list.txt"), **other)
