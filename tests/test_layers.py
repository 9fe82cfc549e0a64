"""The picture in docs/architecture.md is true: every room stands in it once, and no import runs up or sideways."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PICTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("mammoseg", "monailabel_app.lib")


def rows(package: str) -> list[list[str]]:
    """Rooms of a package, highest first, out of the drawing that begins with its name."""
    drawing = re.search(rf"^┌─ {re.escape(package)} ─.*?^└", PICTURE, re.MULTILINE | re.DOTALL)
    assert drawing, f"docs/architecture.md draws no {package}"
    return [line.strip("│ ").split("·")[0].split() for line in drawing[0].split("\n") if line.startswith("│")]


def room(package: str, module: str) -> str:
    """First part of a module's name below its package."""
    return module.removeprefix(package).strip(".").partition(".")[0]


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Module and what it imports, of our own, wherever in the file the import stands."""
    folder = ROOT / package.replace(".", "/")
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((module, name) for name in names if name.startswith(("mammoseg", "monailabel_app")))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_stands_in_the_picture_once(package):
    folder = ROOT / package.replace(".", "/")
    found = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    found |= {path.parent.name for path in folder.glob("*/__init__.py")}
    drawn = [name for row in rows(package) for name in row]
    assert sorted(drawn) == sorted(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_runs_up_or_sideways(package):
    height = {name: -number for number, row in enumerate(rows(package)) for name in row}
    wrong = []
    for module, name in imports(package):
        here, there = room(package, module), room(package, name)
        if name.startswith(f"{package}.") and here in height and there in height and here != there:
            if height[there] >= height[here]:
                wrong.append(f"{module} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_package_never_imports_the_app():
    assert not [module for module, name in imports("mammoseg") if name.startswith("monailabel_app")]
