"""What is wrong with a call before anything is loaded."""

import os

import pytest

from mammoseg.bundles import PATHS
from mammoseg.commands.checks import CHOOSING, OUTPUTS, OWN_FILES, READ, check_given, check_names
from mammoseg.errors import MammosegError, WrongCallError


def test_what_is_named_or_left_out_is_taken():
    check_given(["a.dcm"], {"output": "out", "weights": ["a.pt", "b.pt"], "study": None, "patient": "P1"})


def test_an_empty_input_is_refused():
    with pytest.raises(WrongCallError, match="an input is ''; name a file or folder"):
        check_given(["a.dcm", ""], {})


@pytest.mark.parametrize("name", [*OUTPUTS, *OWN_FILES, *READ])
@pytest.mark.parametrize("given", ["", ["a", ""]], ids=["alone", "among others"])
def test_an_empty_file_or_folder_is_refused_by_the_name_of_its_option(name, given):
    with pytest.raises(WrongCallError, match=f"^{name} is ''; name a file or folder"):
        check_given([], {name: given})


@pytest.mark.parametrize("name", CHOOSING)
def test_an_empty_choice_is_refused(name):
    with pytest.raises(WrongCallError, match=f"^{name} is ''; give a value, or leave it out"):
        check_given([], {name: ""})


def test_every_option_of_a_config_that_names_a_file_is_checked_and_stays_text():
    assert {*PATHS} <= {*OUTPUTS, *READ}


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WrongCallError, match="pipe"):
        check_names(datalist=str(tmp_path / "pipe"))


def test_two_files_to_write_need_two_names(tmp_path):
    name = str(tmp_path / "map.csv")
    with pytest.raises(WrongCallError, match="map_file and key_file are both '.*map.csv'; name two files"):
        check_names(map_file=name, key_file=name)
    check_names(map_file=name, key_file=str(tmp_path / "key"))


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(WrongCallError, match="is a folder; name a file"):
        check_names(map_file=str(tmp_path))


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(MammosegError, match="no weights at .*gone.pt"):
        check_names(weights=str(tmp_path / "gone.pt"))
