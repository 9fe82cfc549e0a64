"""A command as it is written: its arguments and, behind a ``yield``, the import of the function that does the work."""

from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

from mammoseg.commands.checks import check_given, check_names
from mammoseg.quick_import import quick_imports

Add = Callable[..., Any]
Runner = Callable[..., Any]
Steps = Generator[None, None, Runner]


class Command:
    """A command that has declared its arguments; a call imports what does the work, and hands its arguments on.

    Args:
        steps: the declaration, stopped at its ``yield``.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def import_work(self) -> Runner:
        """Import the function that does the work; to be called once.

        Raises:
            TypeError: the declaration yields a second time.
        """
        try:
            with quick_imports():
                next(self._steps)
        except StopIteration as end:
            return end.value
        raise TypeError("a command yields twice; give one yield, between its arguments and the import of its work.")

    def __call__(self, *inputs: str, **options: Any) -> Any:
        check_given(inputs, options)
        check_names(**options)
        return self.import_work()(*inputs, **options)


def command(declare: Callable[[Add], Steps]) -> Callable[[Add], Command]:
    """Mark a function as a command: it adds arguments by ``add``, yields, and returns the function that does the work.

    ``add`` is the ``add_argument`` of an argparse parser. What stands behind the ``yield`` runs only when the command
    is called, so that the help of all commands imports nothing large.

    Examples:
        >>> from argparse import ArgumentParser
        >>> from mammoseg.commands.command import command
        >>> @command
        ... def power(add):
        ...     add("base", type=float)
        ...     yield
        ...     from math import pow
        ...     return lambda base: pow(base, 2)
        >>> parser = ArgumentParser()
        >>> run = power(parser.add_argument)
        >>> run(**vars(parser.parse_args(["3"])))
        9.0
    """

    @wraps(declare)
    def build_command(add: Add) -> Command:
        steps = declare(add)
        next(steps)
        return Command(steps)

    return build_command
