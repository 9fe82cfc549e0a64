"""Expressions of a MONAI config, ``$...``, which MONAI hands to Python: parsed, never evaluated."""

import ast
import re
from collections.abc import Iterator, Mapping

from mammoseg.audit.allowed import BUILT_IN, GIVEN, MODULES, is_allowed

LONGEST = 4000
"""Letters of the longest expression that is parsed."""

LARGEST_POWER = 64
"""Exponents above could ask for a number that fills the memory."""

REFERENCE = re.compile(r"[@%]\w*(?:(?:::|#)\w*)*")
"""``@id`` and ``%id``, as MONAI finds them; ``#`` and ``::`` go into a list or a mapping."""

STANDS_FOR_A_REFERENCE = "reference"

METHODS = (
    *("parameters", "named_parameters", "state_dict", "to", "cpu", "cuda", "item", "get", "keys", "values", "items"),
    *("split", "strip", "replace", "startswith", "endswith", "lower", "upper", "join", "run", "get_config"),
)
"""Methods that an expression may call of whatever it has."""

NODES = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Subscript, ast.Slice),
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Starred, ast.JoinedStr, ast.FormattedValue),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.arguments, ast.arg),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
"""Kinds of syntax that an expression may have."""


def read_imports(text: str) -> dict[str, str]:
    """Modules that an expression without its ``$`` imports, by the name that others call them; empty if it does not."""
    try:
        (statement,) = ast.parse(text[:LONGEST]).body
    except Exception:  # the parser raises what it comes upon
        return {}
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name: alias.name for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return {}


def find_faults_in_expression(text: str, names: Mapping[str, str]) -> Iterator[str]:
    """What speaks against an expression.

    Args:
        text: expression without its ``$``.
        names: what the imports of the whole bundle stand for; see `read_imports`.
    """
    if modules := read_imports(text):
        yield from (f"imports {name}" for name in modules.values() if name not in MODULES and not is_allowed(name))
        return
    if len(text) > LONGEST:
        yield f"is longer than {LONGEST} letters"
        return
    try:
        tree = ast.parse(REFERENCE.sub(STANDS_FOR_A_REFERENCE, text).strip(), mode="eval")
    except Exception:
        yield "is no expression of Python"
        return
    yield from dict.fromkeys(_find_faults(tree, {**GIVEN, **names}))


def _find_faults(tree: ast.Expression, names: Mapping[str, str]) -> Iterator[str]:
    own = {
        argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for argument in _list_arguments(node)
    }
    own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            yield f"has {type(node).__name__}"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift):
            if not isinstance(node.right, ast.Constant) or not 0 <= _read_number(node.right) <= LARGEST_POWER:
                yield "takes a power that may be without bound"
        elif isinstance(node, ast.Name | ast.Attribute) and (path := _find_full_name(node, names, own)):
            if id(node) not in inner and not is_allowed(path):
                yield f"uses {path}"
        elif isinstance(node, ast.Name):
            if node.id not in own and node.id not in BUILT_IN and node.id != STANDS_FOR_A_REFERENCE:
                yield f"uses {node.id}"
        elif isinstance(node, ast.Attribute):
            if node.attr.startswith("_") or (id(node) in called and node.attr not in METHODS):
                yield f"uses .{node.attr}{'()' if id(node) in called else ''}"


def _find_full_name(node: ast.expr, names: Mapping[str, str], own: set[str]) -> str | None:
    """Full name of what is taken of a module; ``os.environ[...]`` and what is called of it is no further name."""
    if isinstance(node, ast.Name):
        return names.get(node.id) if node.id not in own else None
    if isinstance(node, ast.Attribute) and (head := _find_full_name(node.value, names, own)):
        return None if head == "os.environ" and node.attr == "get" else f"{head}.{node.attr}"
    return None


def _read_number(node: ast.Constant) -> float:
    return node.value if isinstance(node.value, int | float) else -1


def _list_arguments(node: ast.arguments) -> list[ast.arg]:
    return [
        *node.posonlyargs,
        *node.args,
        *node.kwonlyargs,
        *filter(None, (node.vararg, node.kwarg)),
    ]
