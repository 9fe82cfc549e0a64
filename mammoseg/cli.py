"""The `mammoseg` command: one line for a person, an exit code for a program; `mammoseg.commands` holds the commands."""

import json
import os
import re
import sys
from argparse import SUPPRESS
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fire.parser import DefaultParseValue

from mammoseg import __version__
from mammoseg.command_line import Parser, run_to_end
from mammoseg.commands import COMMANDS
from mammoseg.commands.checks import OUTPUTS, READ
from mammoseg.errors import WrongCallError, say_known_names

Declare = Callable[[Callable[..., Any]], Callable[..., Any]]
"""A command: declares its arguments by ``add_argument`` of a parser, and returns what does the work."""

WITH_OVERRIDES = ("train", "evaluate")
"""Commands that hand every further option to the bundle's config."""


def main() -> None:
    """Run the command line and end the program; see `mammoseg.command_line.run_to_end`."""
    # Before torch is imported: waiting threads sleep, which on a machine that others use too is several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run_to_end(lambda: run(sys.argv[1:])))


def run(words: Sequence[str], commands: Mapping[str, Declare] = COMMANDS) -> None:
    """Run the command that `words` hold.

    Args:
        words: name of a command and its arguments.
        commands: those that there are.

    Raises:
        WrongCallError: there is no such command or argument, or one is missing or no number where one belongs.
    """
    name, *rest = words or ["--help"]
    if name in ("--help", "-h", "help"):
        print(_format_overview(commands))
    elif name == "--version":
        print(__version__)
    elif name not in commands:
        raise WrongCallError(f"there is no command '{name}'; {say_known_names(name, commands)}")
    else:
        _run_command(name, commands[name], [_with_underscores(word) for word in rest])


def _run_command(name: str, declare: Declare, words: list[str]) -> None:
    parser = Parser(f"mammoseg {name}", description=declare.__doc__, argument_default=SUPPRESS, allow_abbrev=False)
    command = declare(parser.add_argument)
    overrides = {}
    if name in WITH_OVERRIDES:
        given, further = parser.parse_known_args(_join_values(words))
        overrides = _parse_overrides(further, parser)
    else:
        given, further = parser.parse_known_intermixed_args(words)
        parser.refuse(further)
    arguments = vars(given)
    command(*arguments.pop("inputs", ()), **arguments, **overrides)


def _join_values(words: Sequence[str]) -> list[str]:
    """``--name value`` as ``--name=value``: argparse takes the value of an option it does not know for a position."""
    joined: list[str] = []
    for word in words:
        follows_name = bool(joined) and joined[-1].startswith("--") and "=" not in joined[-1]
        if follows_name and not word.startswith("--"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _parse_overrides(words: Sequence[str], parser: Parser) -> dict[str, Any]:
    """Values by name of ``--name=value``; the name of a file or folder is text, whatever it looks like."""
    overrides = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.startswith("--"):
            parser.error(f"there is no place for {name}")
        if not equals:
            parser.error(f"argument {name}: expected one argument")
        found = _parse_value(value)
        overrides[name[2:]] = value if name[2:] in (*OUTPUTS, *READ) and found is not None else found
    return overrides


def _parse_value(text: str) -> Any:
    """A value as the configs hold it, in JSON, or as MONAI's own command line reads it, by python-fire."""
    try:
        return json.loads(text)
    except ValueError:
        return DefaultParseValue(text)


def _with_underscores(word: str) -> str:
    """Options are spelt with ``_`` here and with ``-`` elsewhere; both are right."""
    name, equals, value = word.partition("=")
    return name[:2] + name[2:].replace("-", "_") + equals + value if word.startswith("--") else word


def _format_overview(commands: Mapping[str, Declare]) -> str:
    firsts = {name: re.split(r"[;.] |\.$", declare.__doc__ or "")[0] for name, declare in commands.items()}
    lines = [f"  {name:11} {first}" for name, first in firsts.items()]
    return "\n".join(
        [
            "Segmentation of masses in mammograms. Research only, not for diagnosis.",
            "",
            *lines,
            "",
            "mammoseg COMMAND --help shows its arguments.",
        ]
    )


if __name__ == "__main__":
    main()
