"""Logging settings of a bundle: Python's ``logging.config.fileConfig`` evaluates classes and arguments in them."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".conf", ".ini", ".cfg")

HANDLERS = ("StreamHandler", "FileHandler", "NullHandler", "logging.StreamHandler", "logging.FileHandler")

FORMATTERS = ("", "logging.Formatter")

STREAM = re.compile(r"\(?\s*(sys\.(stdout|stderr)\s*,?)?\s*\)?")


def find_faults_in_logging(path: Path) -> Iterator[tuple[str, str]]:
    """Section and fault of whatever in a file could run code or write elsewhere."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except Exception:  # the parser raises what it comes upon
        yield "", "cannot be read as logging settings"
        return
    for section in parser.sections():
        settings = dict(parser[section])
        if section.startswith("handler_"):
            if (handler := settings.get("class", "")) not in HANDLERS:
                yield section, f"makes '{handler}'"
            for name in ("args", "kwargs"):
                if not _is_plain(settings.get(name, "")):
                    yield section, f"has {name} that are evaluated, '{settings[name]}'"
        elif section.startswith("formatter_"):
            if settings.get("class", "") not in FORMATTERS:
                yield section, f"makes '{settings['class']}'"
            if not _is_plain(settings.get("defaults", "")):  # of Python 3.12
                yield section, f"has defaults that are evaluated, '{settings['defaults']}'"


def _is_plain(arguments: str) -> bool:
    """Whether arguments are a standard stream, or literal values with no path out of the folder."""
    if STREAM.fullmatch(arguments):
        return True
    try:
        values = ast.literal_eval(arguments)
    except Exception:
        return False
    inner = values.values() if isinstance(values, dict) else values if isinstance(values, tuple | list) else [values]
    return not any(
        isinstance(value, str) and (value.startswith(("/", "\\", "~")) or ".." in value or ":" in value)
        for value in inner
    )
