"""What every program of the project shares: wrong calls in one sentence, and the one place where each call ends."""

import inspect
import os
import signal
import sys
import threading
import traceback
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from mammoseg.errors import (
    FaultError,
    MammosegError,
    StoppedError,
    WrongCallError,
    say_kind_and_place,
    suggest_name,
)
from mammoseg.files import as_printable
from mammoseg.moved import find_moved

TRACEBACK = "MAMMOSEG_TRACEBACK"
"""Environment variable that, when set, lets the traceback of an error be printed before its sentence."""

PIPE_CLOSED = 141
"""Exit code when the reader of our output is gone, as a shell gives it for SIGPIPE."""


class Parser(ArgumentParser):
    """argparse, with its errors as ours; takes what `ArgumentParser` takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.known: list[str] = []  # before argparse adds --help
        super().__init__(*arguments, **options)

    def add_argument(self, *names: Any, **options: Any) -> Any:
        """Add an argument, and note how it is spelt."""
        action = super().add_argument(*names, **options)
        self.known += action.option_strings
        return action

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse a command line of which nothing may be left."""
        given, further = self.parse_known_args(args, namespace)
        self.refuse(further)
        return given

    def refuse(self, further: Sequence[str]) -> None:
        """Refuse words that are no arguments.

        Raises:
            WrongCallError: there is one; of an option with the nearest that there is.
        """
        if further:
            name, *_ = further[0].split("=")
            is_option = name.startswith("-")
            near = suggest_name(name, self.known).strip() if is_option else ""
            self.error(f"there is no {'option' if is_option else 'place for'} {name}{f'; {near}' if near else ''}")

    def error(self, message: str) -> NoReturn:
        """Refuse a command line.

        Raises:
            WrongCallError: always; `argparse` would end the process.
        """
        raise WrongCallError(f"{message}; `{self.prog} --help` shows what there is.")


def run_to_end(work: Callable[[], Any], *, name: str = "mammoseg") -> int:
    """Do the work of a program and return its exit code; whatever it raised is one sentence on stderr.

    Args:
        name: name of the program, before the sentence.
    """
    with _noted_interrupts() as interrupts:
        try:
            work()
            sys.stdout.flush()
        except BrokenPipeError as error:
            if error.filename is None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
                return PIPE_CLOSED
            return _print_error(error, name)
        except (Exception, KeyboardInterrupt) as error:
            unforeseen = isinstance(find_known_error(error), FaultError)
            return _print_error(KeyboardInterrupt() if unforeseen and interrupts else error, name)
    return 0


def run_script(command: Any) -> NoReturn:
    """Run a script's function, or its functions by name, with the arguments of the command line, by python-fire.

    An option that the function does not have is refused before it runs; fire says so once it is done.
    """
    import fire  # needed by scripts only

    words = sys.argv[1:]
    name = Path(sys.argv[0]).name
    if "--help" in words:  # fire would give it, and what else stands there, to a function that takes any option
        words = [*(word for word in words[:1] if isinstance(command, dict) and word in command), "--", "--help"]

    def work() -> None:
        chosen = command.get(words[0].replace("-", "_")) if isinstance(command, dict) and words else command
        if callable(chosen):
            _refuse_unknown_options(chosen, words)
        fire.Fire(command, command=words)

    sys.exit(run_to_end(work, name=name))


def _refuse_unknown_options(function: Callable[..., Any], words: Sequence[str]) -> None:
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for word in words[: words.index("--") if "--" in words else None]:
        name = word.partition("=")[0][2:].replace("-", "_")
        if word.startswith("--") and not {name, name.removeprefix("no")} & parameters.keys():
            near = suggest_name(name, parameters, before="--")
            known = ", ".join(f"--{each}" for each in parameters)
            raise WrongCallError(f"there is no option --{name}; {near}{f'known: {known}' if known else 'it has none'}.")


def find_known_error(error: BaseException) -> MammosegError:
    """The error as one for a person: itself, what lies behind it in its chain of causes, or a `FaultError`."""
    if moved := find_moved(error):
        return WrongCallError(str(moved))
    for cause in list_causes(error):
        if isinstance(cause, MammosegError):
            return cause
        if isinstance(cause, KeyboardInterrupt):
            return StoppedError("stopped.")  # what keeps something says so itself
        if isinstance(cause, OSError) and cause.strerror and cause.errno:  # its own text may hold an address
            place = f"'{cause.filename}': " if cause.filename is not None else ""
            return MammosegError(f"{place}{cause.strerror}.")
        if isinstance(cause, MemoryError) or all(word in str(cause).lower() for word in ("memory", "alloc")):
            return MammosegError("there is not enough memory; close other programs, or take smaller images.")
    *_, root = list_causes(error)
    return FaultError(say_kind_and_place(root))


@contextmanager
def _noted_interrupts() -> Iterator[list[int]]:
    """Note each Ctrl-C that comes meanwhile: C code takes the exception for a fault of its own, and tells that one."""
    noted: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is not signal.default_int_handler:
        yield noted  # Python handles no signal in other threads, and a shell may have told us to ignore it
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, handler)


def _print_error(error: BaseException, name: str) -> int:
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    known = find_known_error(error)
    with suppress(BrokenPipeError):
        print(f"{name}: {as_printable(' '.join(str(known).split()))}", file=sys.stderr)
    return known.exit_code


def list_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, up to the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
