"""JSON and YAML of a bundle as MONAI's ``ConfigParser`` reads them: targets, expressions, paths."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mammoseg.audit.allowed import is_allowed
from mammoseg.audit.expressions import find_faults_in_expression, read_imports
from mammoseg.audit.finding import Finding
from mammoseg.files import as_printable

MOST_BYTES = 2**24
"""Longest config that is read."""

SUFFIXES = (".json", ".yaml", ".yml")

SHORT = 80
"""Letters of a value that a finding repeats."""

TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

PATH_OUT = re.compile(r"(\S*[/\\])?\.\.([/\\].*)?|[/\\~].*[/\\].*|[A-Za-z]:[/\\].*", re.DOTALL)
"""A path that begins at the root of a disk or at a user's home, or climbs out of where it begins."""


def read_config(path: Path) -> Any:
    """What a file holds, by its ending.

    Raises:
        Exception: whatever the parser raises; the file is no config.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("too long")
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    import yaml  # MONAI asks for it only where it meets such a file

    return yaml.safe_load(text)


def audit_configs(configs: Mapping[str, Any]) -> Iterator[Finding]:
    """What speaks against the configs of a bundle, by their names in it; they share their imports."""
    entries = {name: list(_list_leaves(content, "")) for name, content in configs.items()}
    names: dict[str, str] = {}
    for _, _, value in (entry for found in entries.values() for entry in found):
        if isinstance(value, str) and value.startswith("$"):
            names |= read_imports(value[1:])
    for name, found in entries.items():
        for place, key, value in found:
            for kind, what in _find_faults(key, value, names):
                yield Finding(kind, name, as_printable(place), as_printable(what))


def _find_faults(key: str, value: Any, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    last = re.split(r"::|#", key)[-1].lstrip("+~")
    if last == "_target_":
        if not isinstance(value, str) or not TARGET.fullmatch(value):
            yield "target", f"makes {_cut_short(value)}, which says only when it runs what that is"
        elif not is_allowed(value):
            yield "target", f"makes {_cut_short(value)}, which is not on the list of what is known to be harmless"
    elif last == "_mode_" and value == "debug":
        yield "target", "runs in the debugger"
    elif isinstance(value, str) and value.startswith("$"):
        for fault in find_faults_in_expression(value[1:], names):
            yield "expression", f"{_cut_short(value)} {fault}"
    elif isinstance(value, str) and PATH_OUT.fullmatch(value.removeprefix("%")) and "://" not in value:
        yield "path", f"names a path out of the bundle, {_cut_short(value)}"


def _list_leaves(value: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Id, last key and value of all that is no mapping or list, and of each once that YAML names several times."""
    waiting, seen = [(place, "", value)], set()
    while waiting:
        place, key, value = waiting.pop()
        if isinstance(value, dict | list):
            if id(value) in seen:
                continue
            seen.add(id(value))
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{place}::{name}" if place else str(name), str(name), part) for name, part in inner]
        if key or not isinstance(value, dict | list):
            yield place, key, value


def _cut_short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text[:SHORT]}{'...' if len(text) > SHORT else ''}'"
