"""Classes and functions of installed packages, read in their source: nothing of them is imported."""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Definition:
    """Where a class or function is written, whatever it is called elsewhere.

    Attributes:
        module: full name of the module that defines it.
        node: syntax of all that it is made of.
    """

    module: str
    node: ast.ClassDef | ast.FunctionDef | ast.Lambda


def find_public(module: str, name: str) -> Definition | None:
    """A class or function of a module: one that it defines, or as a package has from its own modules."""
    return find_definition(module, name) if not name.startswith("_") and name in list_names(module) else None


@cache
def find_definition(module: str, name: str) -> Definition | None:
    """Where a name of a module comes from, by other names and modules of its package; None if that cannot be told."""
    waiting, seen = [(module, name)], set()
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        module, name = here
        for statement in _read(module):
            if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
                return Definition(module, statement)
            if isinstance(statement, ast.ImportFrom):
                origin = _locate_origin(statement, module)
                waiting += [(origin, alias.name) for alias in statement.names if origin and _get_name(alias) == name]
            elif isinstance(statement, ast.Assign) and name in _list_targets(statement):
                if isinstance(statement.value, ast.Lambda):
                    return Definition(module, statement.value)
                if isinstance(statement.value, ast.Name):
                    waiting.append((module, statement.value.id))
    return None


@cache
def list_packages(module: str) -> frozenset[str]:
    """First names of all packages that a module imports, wherever in it and whether by MONAI's `optional_import`."""
    found: set[str] = set()
    for node in (node for statement in _read(module) for node in ast.walk(statement)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and _get_last_name(node.func) in ("optional_import", "import_module"):
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            found |= {str(name).split(".")[0] for name in names}
    return frozenset(found)


@cache
def list_parameters(definition: Definition) -> frozenset[str]:
    """Names of the arguments that a function takes, or a class or the first of its bases that says so."""
    if not isinstance(definition.node, ast.ClassDef):
        return _list_arguments(definition.node)
    for statement in definition.node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return _list_arguments(statement)
    bases = (
        find_definition(definition.module, base.id) for base in definition.node.bases if isinstance(base, ast.Name)
    )
    return frozenset().union(*(list_parameters(base) for base in bases if base))


def _list_arguments(node: ast.FunctionDef | ast.Lambda) -> frozenset[str]:
    return frozenset(argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))


@cache
def list_names(module: str) -> frozenset[str]:
    """Names of a module: what it defines, or as a package has from its own modules."""
    names = set()
    for statement in _read(module):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names |= _list_targets(statement)
        elif isinstance(statement, ast.ImportFrom) and _is_package(module) and _locate_origin(statement, module):
            names |= {_get_name(alias) for alias in statement.names}
    return frozenset(names)


def _list_targets(statement: ast.Assign) -> set[str]:
    return {target.id for target in statement.targets if isinstance(target, ast.Name)}


def _get_last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _get_name(alias: ast.alias) -> str:
    return alias.asname or alias.name


def _locate_origin(statement: ast.ImportFrom, module: str) -> str | None:
    """Module of the same package that a module imports from; None if it is of another package."""
    package = module.split(".")[0]
    if not statement.level:
        origin = statement.module or ""
        return origin if origin.split(".")[0] == package else None
    rooms = module.split(".")
    kept = len(rooms) - statement.level + _is_package(module)
    return ".".join([*rooms[:kept], *filter(None, [statement.module])]) if kept > 0 else None


def _is_package(module: str) -> bool:
    path = _locate(module)
    return path is not None and path.name == "__init__.py"


@cache
def _read(module: str) -> tuple[ast.stmt, ...]:
    path = _locate(module)
    return tuple(ast.parse(path.read_text(encoding="utf-8")).body) if path else ()


@cache
def _locate(module: str) -> Path | None:
    package, *rooms = module.split(".")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*rooms)
    file = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
    return file if file.is_file() else None
