"""Import statements of a bundle's configs, ``$import ...``: MONAI runs them first, and their names hold everywhere."""

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mammoseg.audit.allowed import BUILT_IN, GIVEN, MODULES, is_allowed

LONGEST = 4000
"""Letters of the longest expression that is parsed."""

CONFIG_FILE = re.compile(r".*\.(json|yaml|yml)(::|$)", re.IGNORECASE | re.DOTALL)
"""File that a ``%`` reads, before the id of what it takes of it; without an id it takes all."""


@dataclass(frozen=True)
class Imports:
    """What the configs of a bundle import, taken together, as nobody knows which of them are given to MONAI at once.

    Attributes:
        meanings: what each name stands for, one full name unless the configs disagree.
        places: ids of entries that are modules, or of the lists that hold them.
    """

    meanings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set, {k: {v} for k, v in GIVEN.items()}))
    places: set[str] = field(default_factory=set)

    @property
    def names(self) -> dict[str, str]:
        """Full name of what each name stands for where all agree, with those that MONAI gives."""
        return {name: next(iter(full)) for name, full in self.meanings.items() if len(full) == 1}

    def find_faults(self, modules: dict[str, str], place: str) -> Iterator[str]:
        """What speaks against an import statement at a place; see `read_imports`."""
        *above, last = locate_holder(place).split("::")
        if above and last != "_requires_":
            yield "gives a module to whatever it is part of"
        for name, module in modules.items():
            if module not in MODULES and not is_allowed(module):
                yield f"imports {module}"
            if is_taken(name) or len(self.meanings[name]) > 1:
                yield f"gives {name} another meaning"

    def are_at(self, id: str) -> bool:
        """Whether a module lies at, above or below an id; who refers to it may use what is on no list."""
        id = CONFIG_FILE.sub("", replace_hashes(id), count=1)
        return any(
            id == place or not id or id.startswith(f"{place}::") or place.startswith(f"{id}::") for place in self.places
        )


def collect_imports(entries: Iterable[tuple[str, Any]]) -> Imports:
    """What configs import, of the id and value of all their entries."""
    imports = Imports()
    for place, value in entries:
        if isinstance(value, str) and (modules := read_imports(value)):
            imports.places.add(locate_holder(place))
            for name, module in modules.items():
                imports.meanings[name].add(module)
    return imports


def read_imports(value: str) -> dict[str, str]:
    """Full names that a value imports, by the names that expressions call them; empty for all that is no import."""
    if not value.startswith("$") or len(value) > LONGEST:
        return {}
    try:
        (statement,) = ast.parse(replace_hashes(value[1:])).body
    except Exception:  # the parser raises what it comes upon
        return {}
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name: alias.name for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return {}


def locate_holder(place: str) -> str:
    """Id of what holds an entry: of the list, if it is an item of one."""
    return re.sub(r"(::\d+)+$", "", replace_hashes(place).lstrip("+:"))


def is_taken(name: str) -> bool:
    """Whether Python or MONAI gives a name a meaning that no other may hide, as it holds where the other does not."""
    return (hasattr(builtins, name) and name not in BUILT_IN) or name.startswith("__")


def replace_hashes(text: str) -> str:
    """A text as MONAI reads it before all else: ``#`` is ``::``, wherever it stands."""
    return text.replace("#", "::")
