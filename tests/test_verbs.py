"""Functions are verbs: the name of a public function begins with what it does, by the same word everywhere."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("mammoseg", "monailabel_app", "scripts")

VERBS = {
    "take in": "collect decode discover download fetch find get group list load locate look match open parse read "
    "require retrieve trace",
    "say": "answer ask describe format lead log name note plot print report say suggest summarise warn",
    "make": "build compile copy derive draw encode generate make merge rebuild render simulate",
    "compute": "annotate bootstrap compute count estimate fit hash infer measure outline predict rank rate sample "
    "score segment",
    "choose": "choose claim deal hold judge lease pick propose select",
    "check": "allow audit check compare detect evaluate refuse try",
    "store": "export flush ingest keep pack record save send ship store unpack update write",
    "remove": "deidentify drop forget leave remove revoke skip take withdraw",
    "change": "accelerate adapt add adjust align apply blend calibrate centre compact complete convert correct crop "
    "cut extend fill flatten fold multiply orient pad pass place prepare promote quantise resize roll scale "
    "separate set share shrink smooth split stamp standardise turn uncrop undo widen",
    "run": "begin benchmark bind carry connect end execute heal import join reproduce run start train view wait watch",
}
"""First words of names, by the kind of act."""

CONVERSIONS = {"as", "to", "from", "with", "without"}
"""First words of what gives the same thing in another form."""

CLAIMS = {"is", "are", "has", "begins", "computes", "faces", "hangs", "holds", "leads", "lies", "needs"}
"""First words of what answers yes or no."""

TERMS = {"logit", "c_store", "conv_bn_relu", "conv_relu_bn", "conv_relu"}
"""Standard terms: of mathematics, of DICOM, of networks."""

OUTSIDE = {"main", "on_files", "on_page_markdown"}
"""Names that Python's entry points and mkdocs ask for."""

DECORATORS = {"command", "takes"}
"""What is read above another function: ``@takes(list_film_settings)``."""


@cache
def public_functions() -> tuple[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef], ...]:
    """File and function, but for the commands of a script: those that its last lines give to python-fire."""
    found = []
    files = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    for path in (path for path in files if "node_modules" not in path.parts):  # of npm, beside the page
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        called = {node.id for last in statements[-1:] for node in ast.walk(last) if isinstance(node, ast.Name)}
        for node in statements:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                if path.parent.name != "scripts" or node.name not in called:
                    found.append((str(path.relative_to(ROOT)), node))
    return tuple(found)


def is_verb(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the name says an act, or has one of the other forms that are allowed."""
    name, first = function.name, function.name.partition("_")[0]
    returns = ast.unparse(function.returns) if function.returns else ""
    around = [ast.unparse(decorator) for decorator in function.decorator_list]
    return (
        any(first in verbs.split() for verbs in VERBS.values())
        or first in CONVERSIONS
        or name in TERMS | OUTSIDE | DECORATORS
        or ("bool" in returns and (first in CLAIMS or "_is_" in name or "_are_" in name))
        or any(one.endswith("contextmanager") for one in around)  # read behind `with`
        or returns.startswith("AbstractContextManager")
        or "command" in around  # its name is what a person types
    )


def test_every_public_function_is_a_verb():
    nouns = [f"{file}: {function.name}" for file, function in public_functions() if not is_verb(function)]
    assert not nouns, "begin with a verb, one of this list where one says it:\n" + "\n".join(nouns)


def test_no_word_is_listed_that_no_function_needs():
    names = {function.name for _, function in public_functions()}
    first = {name.partition("_")[0] for name in names}
    listed = [word for verbs in VERBS.values() for word in verbs.split()]
    assert sorted(listed) == sorted(set(listed)), "each verb once"
    assert (set(listed) | CONVERSIONS | CLAIMS) - first == set()
    assert (TERMS | OUTSIDE | DECORATORS) - names == set()
