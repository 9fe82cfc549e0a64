"""Words of the command line, and the sentence for each that is none of its kind."""

from argparse import ArgumentTypeError

import pytest

from mammoseg.commands.values import (
    parse_from_one,
    parse_from_two,
    parse_number,
    parse_shares,
    parse_switch,
    parse_whole,
    parse_words,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_words, "MG", ("MG",)),
        (parse_words, "MG, RG ,DX", ("MG", "RG", "DX")),
        (parse_number, "-1e-3", -0.001),
        (parse_shares, "0.7,0.1, 0.2", (0.7, 0.1, 0.2)),
        (parse_switch, "True", True),
        (parse_switch, "false", False),
        (parse_whole, "0", 0),
        (parse_whole, "007", 7),
        (parse_from_one, "1", 1),
        (parse_from_two, "2", 2),
    ],
)
def test_a_word_gives_its_value(parse, text, value):
    found = parse(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("parse", "text", "sentence"),
    [
        (parse_words, "MG,,RG", "'MG,,RG' is no list of words with commas between them"),
        (parse_words, "", "'' is no list of words"),
        (parse_number, "half", "'half' is no number"),
        (parse_shares, "0.5,0.5", "'0.5,0.5' are 2 numbers; give three"),
        (parse_shares, "0.5,x,0.1", "'x' is no number"),
        (parse_switch, "yes", "'yes' is neither true nor false"),
        (parse_whole, "-1", "'-1' is no whole number from 0"),
        (parse_whole, "1.5", "'1.5' is no whole number from 0"),
        (parse_from_one, "0", "'0' is too few; give 1 or more"),
        (parse_from_two, "1", "'1' is too few; give 2 or more"),
        (parse_from_two, "two", "'two' is no whole number from 0"),
    ],
)
def test_another_word_is_refused_by_itself_and_the_rule(parse, text, sentence):
    with pytest.raises(ArgumentTypeError, match=sentence):
        parse(text)
