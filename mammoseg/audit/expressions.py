"""Expressions of a MONAI config, ``$...``, which MONAI hands to Python: parsed, never evaluated."""

import ast
import re
from collections.abc import Iterator, Mapping

from mammoseg.audit.allowed import BUILT_IN, HARMLESS_TO_JOIN, JOINS, has_deciding_argument, is_allowed, is_foreign
from mammoseg.audit.imports import LONGEST, Imports, is_taken, replace_hashes

LARGEST_POWER = 64
"""Exponents above could ask for a number that fills the memory."""

REFERENCE = re.compile(r"@(\w*(?:::\w*)*)")
"""``@id``, as MONAI finds it; ``::`` goes into a list or a mapping."""

RELATIVE = re.compile("[@%]::")
"""An id that begins where it stands: MONAI puts the keys above it into the expression, whatever they are."""

REFERENCES = "__local_refs"
"""What MONAI calls the dictionary that it puts for ``@``."""

METHODS = (
    *("parameters", "named_parameters", "state_dict", "to", "cpu", "cuda", "item", "get", "keys", "values", "items"),
    *("split", "strip", "startswith", "endswith", "lower", "upper", "join", "run", "get_config"),
)
"""Methods that an expression may have of whatever it has, called or not."""

ATTRIBUTES = (
    *("batch", "best_metric", "config", "data", "device", "dtype", "epoch", "flips", "index", "iteration", "loss"),
    *("max_epochs", "meta", "metrics", "model", "name", "ndim", "network", "optimizer", "origin", "output"),
    *("param_groups", "preprocessing", "shape", "state", "threshold", "training", "type"),
)
"""Attributes that an expression may read of whatever it has, but not call."""

NODES = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Subscript, ast.Slice),
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Starred, ast.JoinedStr, ast.FormattedValue),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.arguments, ast.arg),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
"""Kinds of syntax that an expression may have."""


def write_out(text: str) -> str:
    """An expression as MONAI hands it to Python: a reference is an entry of a dictionary, even within a string."""
    return REFERENCE.sub(rf"{REFERENCES}['\1']", replace_hashes(text))


def find_faults_in_expression(text: str, imports: Imports) -> Iterator[str]:
    """What speaks against an expression.

    Args:
        text: expression without its ``$``, no import.
        imports: those of the whole bundle.
    """
    if len(text) > LONGEST:
        yield f"is longer than {LONGEST} letters"
    elif RELATIVE.search(replace_hashes(text)):
        yield "refers to what stands near it, which becomes code"
    else:
        try:
            tree = ast.parse(write_out(text).strip(), mode="eval")
        except Exception:  # the parser raises what it comes upon
            yield "is no expression of Python"
            return
        yield from dict.fromkeys(_find_faults(tree, imports))


def _find_faults(tree: ast.Expression, imports: Imports) -> Iterator[str]:
    nodes, names = list(ast.walk(tree)), imports.names
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    yield from (f"gives {name} another meaning" for name in sorted(own) if is_taken(name) or name in imports.meanings)
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    ids = {id(node.value): node.slice for node in nodes if isinstance(node, ast.Subscript)}
    for node in nodes:
        if not isinstance(node, NODES):
            yield f"has {type(node).__name__}"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift):
            if not isinstance(node.right, ast.Constant) or not 0 <= _read_number(node.right) <= LARGEST_POWER:
                yield "takes a power that may be without bound"
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and is_foreign(node.value):
                yield f"names {node.value}"
        elif isinstance(node, ast.Name | ast.Attribute) and (path := _find_full_name(node, names)):
            if id(node) in inner:
                continue
            if not is_allowed(path):
                yield f"uses {path}"
            elif path == JOINS and not _is_local_join(called.get(id(node))):
                yield f"uses {path} with what may name a machine"
            elif has_deciding_argument(path):
                yield f"uses {path}, which makes what it is given a name of"
        elif isinstance(node, ast.Name) and node.id == REFERENCES:
            reference = ids.get(id(node))
            if not isinstance(reference, ast.Constant) or imports.are_at(str(reference.value)):
                yield "refers to a module"
        elif isinstance(node, ast.Name):
            if node.id not in BUILT_IN and (node.id not in own or is_taken(node.id)):
                yield f"uses {node.id}"
        elif isinstance(node, ast.Attribute):
            if node.attr not in METHODS and (node.attr not in ATTRIBUTES or id(node) in called):
                yield f"uses .{node.attr}{'()' if id(node) in called else ''}"


def _find_full_name(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """Full name of what is taken of a module; ``os.environ[...]`` and what is called of it is no further name."""
    rooms: list[str] = []
    while isinstance(node, ast.Attribute):
        rooms.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    path = ".".join([names[node.id], *reversed(rooms)])
    return None if path == "os.environ.get" else path


def _is_local_join(call: ast.Call | None) -> bool:
    return (
        call is not None
        and len(call.args) <= 1
        and not any(isinstance(argument, ast.Starred) for argument in call.args)
        and all(keyword.arg in HARMLESS_TO_JOIN for keyword in call.keywords)
    )


def _read_number(node: ast.Constant) -> float:
    return node.value if isinstance(node.value, int | float) else -1
