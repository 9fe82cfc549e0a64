"""The help of a command promises, in brackets, what its function does where the call says nothing."""

import inspect
import re
from pathlib import Path

import pytest

from mammoseg.commands import COMMANDS
from mammoseg.data.phantom import generate_cohort


def declared(command):
    """Help by option of a command, and the function that does its work."""
    helps = {}

    def add(*names, help, dest=None, **_):
        if names[-1].startswith("-"):
            helps[dest or names[-1].lstrip("-")] = help

    run = COMMANDS[command](add)
    return helps, run.import_work()


def defaults_of(command, function):
    """Default by parameter; `ingest` hands those of its source on."""
    functions = [generate_cohort, function] if command == "ingest" else [function]
    parameters = {name: it for each in functions for name, it in inspect.signature(each).parameters.items()}
    return parameters, {name: it.default for name, it in parameters.items() if it.default is not it.empty}


def said(default):
    """A default as the help writes it: words of a list with commas between them."""
    return ",".join(default) if isinstance(default, tuple) else str(default)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_default_in_brackets_is_that_of_the_function(command):
    helps, function = declared(command)
    _, defaults = defaults_of(command, function)
    for name in helps.keys() & defaults.keys():
        default, bracket = defaults[name], re.search(r"\(([^()]*)\)$", helps[name])
        if default is not None and default is not False and default != ():
            assert bracket and bracket[1] == said(default), f"--{name}"
        elif bracket:  # what stands for it is said in words
            assert not re.fullmatch(r"[\d.]+|True|False|None", bracket[1]), f"--{name}"


def test_cohort_has_the_options_of_predict_but_those_that_its_page_names():
    predict, cohort = (set(declared(command)[0]) for command in ("predict", "cohort"))
    page = (Path(__file__).resolve().parents[2] / "docs" / "cohort.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"The options are those of \[predict\].*?\.(?=\s)", page, re.DOTALL)
    assert predict - cohort == set(re.findall("`--(\\w+)`", sentence)) == {"boxes", "json"}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_is_a_parameter_of_the_function(command):
    helps, function = declared(command)
    parameters, _ = defaults_of(command, function)
    takes_more = any(it.kind is it.VAR_KEYWORD for it in parameters.values())
    assert takes_more or helps.keys() <= parameters.keys(), sorted(helps.keys() - parameters.keys())
