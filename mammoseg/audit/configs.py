"""JSON and YAML of a bundle as MONAI's ``ConfigParser`` reads them: targets, expressions, paths."""

import json
import re
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mammoseg.audit.allowed import NAME, is_allowed, is_foreign
from mammoseg.audit.arguments import find_faults_in_argument, find_faults_in_component
from mammoseg.audit.expressions import find_faults_in_expression
from mammoseg.audit.finding import Finding
from mammoseg.audit.imports import Imports, collect_imports, read_imports
from mammoseg.files import as_printable
from mammoseg.folders import lies_in

MOST_BYTES = 2**24
"""Longest config that is read."""

SUFFIXES = (".json", ".yaml", ".yml")

SHORT = 80
"""Letters of a value that a finding repeats."""

PATH_OUT = re.compile(r"(%(.*[/\\])?|(\S*[/\\])?)\.\.([/\\].*)?|%?[/\\~].*[/\\].*|%?[A-Za-z]:[/\\].*", re.DOTALL)
"""A path that begins at the root of a disk or at a user's home, or climbs out of where it begins.

Only what ``%`` reads may have blanks: a sentence with ``../`` in it is no path.
"""

ADDRESS = re.compile(r"https?://")


def read_config(path: Path) -> Any:
    """What a file holds, by its ending.

    Raises:
        Exception: whatever the parser raises; the file is no config.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("too long")
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".json":
        return json.loads(text)
    import yaml  # MONAI asks for it only where it meets such a file

    return yaml.safe_load(text)


def audit_configs(configs: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    """What speaks against the configs of a bundle in a folder, by their names in it; they share their imports."""
    entries = {name: list(_list_entries(content)) for name, content in configs.items()}
    imports = collect_imports((place, value) for found in entries.values() for place, _, value in found)
    for name, found in entries.items():
        for place, key, value in found:
            for kind, what in _find_faults(place, key, value, imports):
                yield Finding(kind, name, as_printable(place), as_printable(what))
            if isinstance(value, str) and _leads_out(value, folder):
                what = f"names a path out of the bundle, {_cut_short(value)}"
                yield Finding("path", name, as_printable(place), as_printable(what))


def _find_faults(place: str, key: str, value: Any, imports: Imports) -> Iterator[tuple[str, str]]:
    path = re.split(r"::|#", key.lstrip("+"))
    yield from (("target", what) for what in find_faults_in_argument(path, value))
    if PATH_OUT.fullmatch(key) or PATH_OUT.fullmatch(f"%{key}"):
        yield "path", f"has a path out of the bundle for a key, {_cut_short(key)}"
    if isinstance(value, dict):
        yield from (("target", what) for what in find_faults_in_component(value, merged=key.startswith("+")))
    elif path[-1] == "_target_":
        if not isinstance(value, str) or not NAME.fullmatch(value):
            yield "target", f"makes {_cut_short(value)}, which says only when it runs what that is"
        elif not is_allowed(value):
            yield "target", f"makes {_cut_short(value)}, which is not on the list of what is known to be harmless"
    elif isinstance(value, str):
        yield from _find_faults_in_text(place, value, imports)


def _find_faults_in_text(place: str, value: str, imports: Imports) -> Iterator[tuple[str, str]]:
    if modules := read_imports(value):
        yield from (("expression", f"{_cut_short(value)} {fault}") for fault in imports.find_faults(modules, place))
    elif value.startswith("$"):
        for fault in find_faults_in_expression(value[1:], imports):
            yield "expression", f"{_cut_short(value)} {fault}"
    elif value.startswith(("@", "%")) and imports.are_at(value[1:]):
        yield "expression", f"{_cut_short(value)} refers to a module"
    elif is_foreign(value):
        yield "target", f"names {_cut_short(value)}, which is not on the list of what is known to be harmless"


def _leads_out(value: str, folder: Path) -> bool:
    is_path = PATH_OUT.fullmatch(value) and not ADDRESS.match(value) and not value.startswith("$")
    return bool(is_path) and not (Path(value).is_absolute() and lies_in(Path(value), folder))


def _list_entries(content: Any) -> Iterator[tuple[str, str, Any]]:
    """Id, last key and value of all that a config holds; of what YAML names several times the inside is listed once."""
    waiting: list[tuple[str, str, Any]] = [("", "", content)]
    seen = set()
    while waiting:
        place, key, value = waiting.pop()
        yield place, key, value
        if isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{place}::{name}" if place else str(name), str(name), part) for name, part in inner]


def _cut_short(value: Any) -> str:
    text = (
        value if isinstance(value, str) else reprlib.repr(value)
    )  # of what may hold itself, or a part a billion times
    return f"'{text[:SHORT]}{'...' if len(text) > SHORT else ''}'"
