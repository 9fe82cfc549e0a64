"""A name of a class or of a kind of value means one thing in the whole house."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
"""Of a class or an alias of one; constants are in capitals throughout, private names begin with a line."""


def names_of(node: ast.stmt) -> list[str]:
    """What a statement on the top level of a module names; a type variable, good in its module only, is none."""
    match node:
        case ast.ClassDef(name=name):
            return [name]
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return []
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def test_no_two_modules_define_a_class_of_the_same_name():
    found = defaultdict(list)
    for package in ("mammoseg", "monailabel_app"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                for name in filter(NAME.fullmatch, names_of(node)):
                    found[name].append(str(path.relative_to(ROOT)))
    twice = [f"{name}: {', '.join(paths)}" for name, paths in found.items() if len(paths) > 1]
    assert not twice, "\n".join(twice)
