"""A name of a class, of a kind of value or of a function means one thing in the whole house."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
"""Of a class or an alias of one; constants are in capitals throughout, private names begin with a line."""


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Name of each module below folders, and what it says."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield name, ast.parse(path.read_text(encoding="utf-8"))


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
    for module, tree in trees("mammoseg", "monailabel_app"):
        for node in tree.body:
            for name in filter(NAME.fullmatch, names_of(node)):
                found[name].append(module)
    twice = [f"{name}: {', '.join(modules)}" for name, modules in found.items() if len(modules) > 1]
    assert not twice, "\n".join(twice)


def test_a_function_that_others_call_by_its_name_alone_is_the_only_one_they_can_mean():
    """What is called with its module before it (``mias.collect``, a command, a route) may have a name twice."""
    defined, imported = defaultdict(set), defaultdict(set)
    for module, tree in trees("mammoseg", "monailabel_app", "scripts"):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                defined[node.name].add(module)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    imported[alias.name].add(node.module)
    meant = {name: sorted(modules & imported[name]) for name, modules in defined.items()}
    twice = [f"{name}: {', '.join(modules)}" for name, modules in meant.items() if len(modules) > 1]
    assert not twice, "\n".join(twice)
