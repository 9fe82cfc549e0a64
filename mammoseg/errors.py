"""Errors meant for the person at the keyboard: one sentence each, with the exit code of the command that ends on it."""

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class MammosegError(Exception):
    """Something that a person can mend; its text is one sentence: value, rule, way out."""

    exit_code = 1


class WrongCallError(MammosegError, ValueError):
    """The call itself is wrong: an unknown name, a missing or contradictory argument."""

    exit_code = 2


class NothingUsableError(MammosegError):
    """Not a single input could be used."""

    exit_code = 3


class PartlyRefusedError(MammosegError):
    """Some inputs were refused, the others were used."""


class StoppedError(MammosegError):
    """The person at the keyboard stopped the run; the text says what is kept, where anything is."""

    exit_code = 130


class FaultError(MammosegError):
    """The program is at fault, or a library below it.

    Args:
        what: happened, without any value that could identify a patient.
    """

    exit_code = 70

    def __init__(self, what: str) -> None:
        way_out = "the same command with MAMMOSEG_TRACEBACK=1 before it shows where it happened."
        super().__init__(f"this was not foreseen: {what}; {way_out}")


class InputRefusedError(MammosegError, ValueError):
    """One input file cannot be used; the others may go on.

    Args:
        code: stable name of the reason, ``E_...``, for programs.
        reason: sentence for a person, without any value read from the file that could identify a patient.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class OutputError(MammosegError):
    """The output folder takes no more files; every further one would fail too."""


def suggest_name(name: str, known: Iterable[str], *, before: str = "") -> str:
    """``did you mean unet? `` with the nearest of the names that are known; empty where none is near.

    Args:
        name: name that is not known.
        known: names that are.
        before: what stands before a name where it is typed, such as ``--``.
    """
    return "".join(f"did you mean {before}{near}? " for near in get_close_matches(str(name), list(known), 1))


def say_known_names(name: str, known: Iterable[str]) -> str:
    """``known: aunet, unet; did you mean unet?``: all names that there are, and the nearest to one that is not."""
    names = list(known)
    near = suggest_name(name, names).strip()
    return f"known: {', '.join(names)}{f'; {near}' if near else '.'}"


def make_unknown_name_error(kind: str, name: str, known: Iterable[str]) -> WrongCallError:
    """The error of a name that is not among those that are known.

    Args:
        kind: what it should name, such as ``bundle``.
        name: name that was typed.
        known: names that there are, in the order in which they are told.

    Examples:
        >>> from mammoseg.errors import make_unknown_name_error
        >>> str(make_unknown_name_error("bundle", "aunett", ["aunet", "unet_slim"]))
        "unknown bundle 'aunett'; known: aunet, unet_slim; did you mean aunet?"
    """
    return WrongCallError(f"unknown {kind} '{name}'; {say_known_names(name, known)}")


def say_difference(word: str, there: Any, here: Any) -> str:
    """In what something that was made earlier differs from what is asked for; of a hash the beginning is said.

    Examples:
        >>> from mammoseg.errors import say_difference
        >>> say_difference("--seed", 0, None)
        '--seed 0 there, none here'
    """
    if isinstance(there, dict) or isinstance(here, dict):
        return f"{word} differs"
    there, here = ("none" if value is None else format_short_hash(str(value)) for value in (there, here))
    return f"{word} {there} there, {here} here"


def format_short_hash(text: str) -> str:
    """The beginning of a hash, or of each of several that are joined by ``+``.

    Examples:
        >>> from mammoseg.errors import format_short_hash
        >>> format_short_hash("0123456789abcdef+fedcba9876543210")
        '0123456789ab+fedcba987654'
    """
    return "+".join(part[:12] for part in text.split("+"))


def say_reason(error: Exception) -> str:
    """Why a file could not be had, in words: those of the system without its number and the path, else the error's own.

    Examples:
        >>> from mammoseg.errors import say_reason
        >>> say_reason(PermissionError(13, "Permission denied", "a.json")), say_reason(ValueError("it is empty"))
        ('Permission denied', 'it is empty')
    """
    return getattr(error, "strerror", None) or str(error)


def say_kind_and_place(error: BaseException) -> str:
    """Kind of a fault, file and line where it arose; its text is left out, as it may quote the header of a file."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def make_fault_error(error: Exception) -> InputRefusedError:
    """The refusal of a file on which the program is at fault, or a library below it.

    Args:
        error: what was not foreseen.
    """
    return InputRefusedError("E_FAULT", f"{say_kind_and_place(error)}; please report it.")
