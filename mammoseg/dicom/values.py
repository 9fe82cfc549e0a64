"""One value of an attribute that is needed: a whole number or a text, or the file is refused."""

from contextlib import AbstractContextManager
from typing import Any

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from mammoseg.border import refused_as
from mammoseg.errors import InputRefusedError


def read_integer(dataset: Dataset, keyword: str, default: int = 0) -> int:
    """The whole number of an attribute, `default` where it is absent or empty.

    Raises:
        InputRefusedError: ``E_ATTRIBUTE``: it holds something else, or several.
    """
    value = _read_value(dataset, keyword)
    if value is None or value == "":
        return default
    if not isinstance(value, int):
        raise InputRefusedError("E_ATTRIBUTE", _say_malformed(keyword, "one whole number"))
    return int(value)


def read_text(dataset: Dataset, keyword: str) -> str:
    """The text or UID of an attribute, empty where it is absent.

    Raises:
        InputRefusedError: ``E_ATTRIBUTE``: it holds something else, or several.
    """
    value = _read_value(dataset, keyword)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputRefusedError("E_ATTRIBUTE", _say_malformed(keyword, "one text"))
    return str(value)


def is_absent(dataset: Dataset, keyword: str) -> bool:
    """Whether an attribute is not there, or there without a value.

    Raises:
        InputRefusedError: ``E_ATTRIBUTE``: it cannot be read.
    """
    return _read_value(dataset, keyword) in (None, "")


def read_code_string(dataset: Dataset, keyword: str) -> str:
    """The coded string (CS) of an attribute as it is to be compared: blanks around it mean nothing (PS3.5 6.2).

    Raises:
        InputRefusedError: as `read_text`.
    """
    return read_text(dataset, keyword).strip().upper()


def malformed_refused() -> AbstractContextManager[None]:
    """A block that writes a header anew; a value in it that cannot be refuses the file (``E_ATTRIBUTE``)."""
    return refused_as("E_ATTRIBUTE", "an attribute of the header has a value that cannot be.")


def _read_value(dataset: Dataset, keyword: str) -> Any:
    """What pydicom makes of a value; it converts when it is asked, and raises then."""
    with refused_as("E_ATTRIBUTE", _say_malformed(keyword, "what it should")):
        return dataset.get(keyword)


def _say_malformed(keyword: str, wanted: str) -> str:
    return f"{dictionary_description(keyword)} does not hold {wanted}."
