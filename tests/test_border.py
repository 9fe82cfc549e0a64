"""What is raised over a file of a stranger is one refusal, whatever it is; what is ours and a lack of memory pass."""

import pytest

from mammoseg.border import passed_over, refused_as
from mammoseg.errors import InputRefusedError, WrongCallError


@pytest.mark.parametrize("error", [SyntaxError, RecursionError, StopIteration, type("WholeNewError", (Exception,), {})])
def test_whatever_is_raised_refuses_and_is_not_quoted(error):
    with pytest.raises(InputRefusedError) as refusal, refused_as("E_SEG", "write it anew."):
        raise error("Jane Doe")
    assert str(refusal.value) == "E_SEG: write it anew."
    with passed_over():
        raise error("Jane Doe")


@pytest.mark.parametrize("error", [MemoryError(), WrongCallError("no")])
def test_what_is_ours_and_a_lack_of_memory_pass(error):
    for block in (refused_as("E_SEG", "write it anew."), passed_over()):
        with pytest.raises(type(error)) as raised, block:
            raise error
        assert raised.value is error


def test_a_refusal_keeps_its_reason_where_one_is_told_and_means_nothing_found_where_not():
    with pytest.raises(InputRefusedError, match="E_SIZE: it is large"), refused_as("E_SEG", "write it anew."):
        raise InputRefusedError("E_SIZE", "it is large.")
    with passed_over():
        raise InputRefusedError("E_SIZE", "it is large.")
