"""Kinds of values on the command line: the ``type`` of an argument, which says what is wrong with a word."""

from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from typing import Any


class Single(Action):
    """The ``action`` of a file of which other commands take several: a second one is refused, not taken instead."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        """Store the file `values`.

        Raises:
            ArgumentError: there is one already.
        """
        if hasattr(namespace, self.dest):
            raise ArgumentError(self, "given twice, and there is one network; name one file")
        setattr(namespace, self.dest, values)


def parse_words(text: str) -> tuple[str, ...]:
    """Words with commas between them.

    Raises:
        ArgumentTypeError: one of them is empty.
    """
    found = tuple(word.strip() for word in text.split(","))
    if not all(found):
        raise ArgumentTypeError(f"'{text}' is no list of words with commas between them")
    return found


def parse_number(text: str) -> float:
    """Any number.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"'{text}' is no number") from None


def parse_shares(text: str) -> tuple[float, ...]:
    """Three numbers, of training, validation and test.

    Raises:
        ArgumentTypeError: they are not three, or no numbers.
    """
    found = tuple(map(parse_number, text.split(",")))
    if len(found) != 3:
        raise ArgumentTypeError(f"'{text}' are {len(found)} numbers; give three, of training,validation,test")
    return found


def parse_switch(text: str) -> bool:
    """Either true or false, in capitals or not.

    Raises:
        ArgumentTypeError: it is neither.
    """
    if text.lower() not in ("true", "false"):
        raise ArgumentTypeError(f"'{text}' is neither true nor false")
    return text.lower() == "true"


def parse_whole(text: str) -> int:
    """A whole number from 0.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal():
        raise ArgumentTypeError(f"'{text}' is no whole number from 0")
    return int(text)


def parse_from_one(text: str) -> int:
    """A whole number from 1.

    Raises:
        ArgumentTypeError: it is less, or no whole number.
    """
    return _parse_from(1, text)


def parse_from_two(text: str) -> int:
    """A whole number from 2.

    Raises:
        ArgumentTypeError: it is less, or no whole number.
    """
    return _parse_from(2, text)


def _parse_from(least: int, text: str) -> int:
    found = parse_whole(text)
    if found < least:
        raise ArgumentTypeError(f"'{text}' is too few; give {least} or more")
    return found
