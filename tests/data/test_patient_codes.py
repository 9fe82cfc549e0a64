"""Patients' codes in the names of files."""

import unicodedata
from pathlib import Path

import pytest

from mammoseg.data.patient_codes import PatientPattern, compile_pattern
from mammoseg.errors import WrongCallError


def test_the_group_is_the_code_wherever_in_the_path_it_stands():
    pattern = PatientPattern(r"P(\d+)_")
    found = [pattern.find_code(Path(path)) for path in ("a/P12_L.png", "P7_x/b.png", "c.png", "P_L.png")]
    assert found == ["12", "7", None, None]


def test_an_empty_code_is_none():
    assert PatientPattern("^([0-9]*)").find_code(Path("a.png")) is None


def test_characters_in_parts_are_those_in_one_piece():
    name = unicodedata.normalize("NFD", "Müller_L.png")
    assert PatientPattern("(ü)").find_code(Path(name)) == "ü"


def test_what_was_found_where_and_what_not_is_said_in_one_sentence():
    pattern = PatientPattern(r"P(\d+)")
    for number in range(5):
        pattern.find_code(Path(f"P{number}.png"))
    pattern.find_code(Path("other.png"))
    with pytest.raises(WrongCallError) as raised:
        pattern.check_enough({"1", "2"}, needed=3)
    assert str(raised.value) == (
        r"patients found: 2, needed: 3, one for each section; --patient-regex 'P(\d+)' found '0' in 'P0.png', "
        "'1' in 'P1.png', '2' in 'P2.png'; 1 of 6 images do not match, such as 'other.png'; "
        "give a pattern that tells patients apart, or add patients."
    )
    pattern.check_enough({"1", "2", "3"}, needed=3)


def test_a_pattern_that_found_nothing_says_so():
    assert PatientPattern("(x)").summarise() == "--patient-regex '(x)' found nothing"


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("P(", r"--side 'P\(' is no regular expression: "),
        ("P", "--side 'P' has 0 groups; put .* around the side alone"),
        ("(P)(L)", "has 2 groups"),
    ],
)
def test_a_pattern_without_its_one_group_is_refused(pattern, sentence):
    with pytest.raises(WrongCallError, match=sentence):
        compile_pattern("--side", pattern, "the side")
