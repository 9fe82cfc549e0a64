"""Every code is one of pydicom's dictionary, with the same meaning."""

import re

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from mammoseg.dicom import codes

NOT_IN_THE_DICTIONARY = ("QUALITATIVE_EVALUATIONS", "PIXELS")
"""Written by DCMTK and by highdicom; `mammoseg.dicom.codes` says so."""


def codes_of_the_module():
    for name, value in vars(codes).items():
        for code in value.values() if name.isupper() and isinstance(value, dict) else [value]:
            if isinstance(code, Code) and name not in NOT_IN_THE_DICTIONARY:
                yield pytest.param(code, id=f"{name}-{code.meaning}")


def meanings(code):
    """What the dictionary says that a code means, without SNOMED's tags and with no space of width zero."""
    return [
        re.sub(r" \(\w+\)$", "", meaning.replace("\u200b", ""))
        for entries in concepts[code.scheme_designator].values()
        for value, (meaning, _) in entries.items()
        if value == code.value
    ]


@pytest.mark.parametrize("code", list(codes_of_the_module()))
def test_code_is_that_of_the_dictionary(code):
    assert code.meaning in meanings(code)


@pytest.mark.parametrize("name", NOT_IN_THE_DICTIONARY)
def test_codes_that_could_not_be_checked_still_cannot(name):
    assert meanings(getattr(codes, name)) == []
