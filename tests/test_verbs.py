"""Functions and methods are verbs: a name begins with what is done, by the same word everywhere."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from monailabel_app.lib import shim

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("mammoseg", "monailabel_app", "scripts")
OURS = ("mammoseg", "monailabel_app")

VERBS = {
    "take in": "collect decode discover download expect fetch find get group identify list load locate look match open "
    "parse read receive request require retrieve scan trace",
    "say": "answer ask describe format lead log mark name note plot print raise report say suggest summarise warn",
    "make": "build compile copy derive draw encode generate make merge rebuild render simulate",
    "compute": "annotate average bootstrap compute count estimate fit guess hash infer interpolate measure outline "
    "predict rank rate sample score segment sum",
    "choose": "accept admit choose claim deal hold judge lease let pick propose select shuffle",
    "check": "allow attempt audit check compare detect evaluate refuse try verify",
    "store": "append deliver export flush forward ingest keep link pack put record refresh remember save send ship "
    "store submit unpack update use write",
    "remove": "abandon blank clear deidentify drop empty forget leave release remove replace restore revoke skip "
    "take thin withdraw",
    "change": "accelerate adapt add adjust align apply blend blur calibrate capitalise centre change compact complete "
    "convert correct crop cut decompress enlarge extend fill flatten fold grow inflate limit move "
    "multiply normalise orient pad pass place prepare promote quantise resize roll saturate scale separate "
    "set share shift shrink smooth split stamp standardise turn uncrop undo widen",
    "run": "attach begin benchmark bind carry close connect continue end enter execute finish follow heal import "
    "join kill reproduce retry run serve start stop train view wait wake watch",
}
"""First words of names, by the kind of act."""

CONVERSIONS = {"as", "to", "from", "with", "without"}
"""First words of what gives the same thing in another form."""

CLAIMS = set(
    "is are has can may begins computes contradicts faces fits goes hangs holds lacks leads lies needs reads says "
    "shares touches transforms wants".split()
)
"""First words of what answers yes or no."""

TERMS = {"logit", "c_store", "conv_bn_relu", "conv_relu_bn", "conv_relu"}
"""Standard terms: of mathematics, of DICOM, of networks."""

OUTSIDE = {"main", "on_files", "on_page_markdown", "state_dict"}
"""Names that Python's entry points, mkdocs and Ignite ask for; an override of a library's method stands in no list."""

DECORATORS = {"command", "takes"}
"""What is read above another function: ``@takes(list_film_settings)``."""


class Function(NamedTuple):
    """A function of a module, or a method.

    Attributes:
        file: relative to the repository.
        owner: name of its class; empty where there is none.
        node: its definition.
    """

    file: str
    owner: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def name(self) -> str:
        """Without the sign of what is private."""
        return self.node.name.lstrip("_")


def functions_in(path: Path) -> Iterator[Function]:
    """Those of a file, but for properties, methods of Python's own, and the commands of a script: those that its last
    lines give to python-fire."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    given = {node.id for last in tree.body[-1:] for node in ast.walk(last) if isinstance(node, ast.Name)}
    for owner in (tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))):
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("__"):
                is_command = path.parent.name == "scripts" and node.name in given
                if not is_command and not any("property" in ast.unparse(one) for one in node.decorator_list):
                    yield Function(str(path.relative_to(ROOT)), getattr(owner, "name", ""), node)


@cache
def functions() -> tuple[Function, ...]:
    """All of the three folders, public and private, but for those within another."""
    files = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return tuple(one for path in files if "node_modules" not in path.parts for one in functions_in(path))


def is_verb(function: Function) -> bool:
    """Whether the name says an act, or has one of the other forms that are allowed."""
    name, first, node = function.name, function.name.partition("_")[0], function.node
    returns = ast.unparse(node.returns) if node.returns else ""
    around = [ast.unparse(decorator) for decorator in node.decorator_list]
    return (
        any(first in verbs.split() for verbs in VERBS.values())
        or first in CONVERSIONS
        or name in TERMS | OUTSIDE | DECORATORS
        or ("bool" in returns and (first in CLAIMS or "_is_" in name or "_are_" in name))
        or any(one.endswith("contextmanager") for one in around)  # read behind `with`
        or returns.startswith("AbstractContextManager")
        or "command" in around  # its name is what a person types
        or is_of_a_library(function)
    )


def is_of_a_library(function: Function) -> bool:
    """Whether a method overrides one of a class that is not ours, so that it has to have that name."""
    if not function.owner or function.file.startswith("scripts"):
        return False
    owner = getattr(importlib.import_module(function.file.removesuffix(".py").replace("/", ".")), function.owner)
    return any(function.node.name in vars(base) for base in owner.__mro__ if not base.__module__.startswith(OURS))


def test_every_function_and_method_is_a_verb():
    shim.prepare()
    nouns = [f"{one.file}: {one.owner}.{one.node.name}" for one in functions() if not is_verb(one)]
    assert not nouns, "begin with a verb, one of this list where one says it:\n" + "\n".join(nouns)


def test_no_word_is_listed_that_no_function_needs():
    names = {function.name for function in functions()}
    first = {name.partition("_")[0] for name in names}
    listed = [word for verbs in VERBS.values() for word in verbs.split()]
    assert sorted(listed) == sorted(set(listed)), "each verb once"
    assert (set(listed) | CONVERSIONS | CLAIMS) - first == set()
    assert (TERMS | OUTSIDE | DECORATORS) - names == set()
