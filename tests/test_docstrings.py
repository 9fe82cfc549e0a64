"""What is public says what it does, which shapes it takes, and how it can fail."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import mammoseg
import monailabel_app.lib
from monailabel_app.lib import shim

ROOT = Path(__file__).resolve().parents[1]

ENOUGH = 0.97
"""Share of public classes, functions and methods with a docstring, their own or that of what they override."""

ARRAYS = re.compile(r"\b(ndarray|Tensor|MetaTensor|NdarrayOrTensor)\b")
ARGS = re.compile(r"^( *)(?:Args|Attributes):\n((?:\1 +.*\n?|\n)*)", re.MULTILINE)
ENTRY = re.compile(r"^ {4}(\w[\w, ]*): (.*)$", re.MULTILINE)
FRAGMENT = re.compile(
    r"(of|that|which|whose|see|more of|the same|as|by|for|with|in|or|such as)\b|.*\b(of it|as above)\.$"
)
"""Begins or ends of a line of an argument or attribute that only its name, or the line before, explains."""

SHAPE = re.compile(r"\([^()]*(,|\.\.\.)[^()]*\)|[Ss]hape|scalar|[Ss]tate dictionary")
"""A shape in brackets, or one in words."""


def modules() -> Iterator[ModuleType]:
    shim.prepare()
    for package in (mammoseg, monailabel_app.lib):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


@pytest.fixture(scope="module")
def public() -> list[tuple[str, type | FunctionType, type | None]]:
    """Name, object, and class of a method, of everything public that is defined in the package or the app."""
    found = []
    for module in modules():
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(thing):
                found.append((f"{module.__name__}.{name}", thing, None))
                for part, member in vars(thing).items():
                    plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
                    plain = plain.fget if isinstance(plain, property) else plain
                    if not part.startswith("_") and getattr(plain, "__qualname__", "") == f"{name}.{part}":
                        found.append((f"{module.__name__}.{name}.{part}", plain, thing))
            elif isinstance(thing, FunctionType):
                found.append((f"{module.__name__}.{name}", thing, None))
    return found


def docstring(thing: type | FunctionType, owner: type | None) -> str:
    return inspect.getdoc(getattr(owner, thing.__name__) if owner else thing) or ""


def test_every_file_says_in_its_first_line_what_it_is():
    folders = ("mammoseg", "monailabel_app", "scripts", "tests")
    files = [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "annotate" not in path.parts
    ]
    silent = [str(path) for path in files if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent, "\n".join(silent)


def test_public_classes_functions_and_methods_have_a_docstring(public):
    missing = [name for name, thing, owner in public if not docstring(thing, owner)]
    assert 1 - len(missing) / len(public) >= ENOUGH, "\n".join(missing)


def test_what_raises_says_so(public):
    silent = []
    for name, thing, owner in public:
        if isinstance(thing, FunctionType) and _raises(thing) and "Raises:" not in docstring(thing, owner):
            silent.append(name)
    assert not silent, "\n".join(silent)


def test_functions_of_arrays_say_their_shape(public):
    silent = []
    for name, thing, owner in public:
        if not isinstance(thing, FunctionType) or not ARRAYS.search(str(inspect.signature(thing))):
            continue
        about_class = inspect.getdoc(owner) or "" if owner else ""
        if not SHAPE.search(docstring(thing, owner) + about_class):
            silent.append(name)
    assert not silent, "\n".join(silent)


def test_what_is_read_from_an_object_is_its_attributes_and_what_a_constructor_takes_its_arguments(public):
    """The fields of a dataclass or a named tuple are both; they are written as attributes."""
    wrong = []
    for name, thing, _ in public:
        if inspect.isclass(thing) and (is_dataclass(thing) or hasattr(thing, "_fields")):
            if "Args:" in (thing.__doc__ or ""):
                wrong.append(f"{name}: Attributes, not Args")
    assert not wrong, "\n".join(wrong)


def test_the_line_of_an_argument_can_be_read_alone(public):
    fragments = []
    for name, thing, owner in public:
        for section in ARGS.finditer(docstring(thing, owner)):
            fragments += [
                f"{name}: {argument}: {text}"
                for argument, text in ENTRY.findall(section[2])
                if len(text.split()) < 3 or FRAGMENT.match(text)
            ]
    assert not fragments, "\n".join(fragments)


def _raises(function: FunctionType) -> bool:
    """Whether the body itself raises one of our errors or a named one; ``raise`` alone hands on another's."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (SyntaxError, OSError):
        return False
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))
