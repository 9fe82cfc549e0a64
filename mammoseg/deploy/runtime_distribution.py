"""The distribution mammoseg-runtime: those modules of this package that `predict` needs where there is no torch.

Nothing is listed by hand but where to start: imports are followed, and a module that needs torch is left out. What it
requires are the requirements of pyproject.toml for what those modules import.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from tempfile import TemporaryDirectory

import tomllib

from mammoseg import __version__
from mammoseg.bundles import BUNDLES_FOLDER, list_bundle_names
from mammoseg.errors import WrongCallError
from mammoseg.provenance import PACKAGE_FOLDER

PACKAGE = PACKAGE_FOLDER.name

STARTS = (
    f"{PACKAGE}.runtime",
    f"{PACKAGE}.prediction.predict",
    f"{PACKAGE}.inference.engines.openvino_engine",
    f"{PACKAGE}.inference.engines.onnx_engine",
    f"{PACKAGE}.data.decode_worker",
)
"""Modules that imports are followed from: the command, and what is started by its name."""

COMMANDS = f"{PACKAGE}.commands"
"""Names the work of every command inside functions, of which `STARTS` has the one that is meant."""

NOT_THERE = ("torch", "monai")
"""Packages without which the runtime does."""

DECODERS = ("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm")
"""Requirements that pydicom finds by itself."""

REQUIRES_PYTHON = ">=3.10,<3.14"
"""Versions of Python on which a wheel was installed and has segmented a mammogram."""

BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def build_runtime(output: Path, *, converted: Iterable[Path]) -> Path:
    """Write the wheel of mammoseg-runtime into a folder.

    Args:
        output: folder of the wheel; made if it is not there.
        converted: networks that ship with it, see `mammoseg.inference.engines.conversion.convert_shipped`.

    Returns:
        The wheel.

    Raises:
        WrongCallError: this package does not lie in a checkout.
    """
    project = PACKAGE_FOLDER.parent / "pyproject.toml"
    if not project.is_file():
        raise WrongCallError(f"{PACKAGE_FOLDER} is no checkout of mammoseg; build the runtime from one.")
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_modules(tree)
        copy_bundles(tree / PACKAGE / "_bundles")
        for model in converted:
            card = model.parents[1] / "docs" / "README.md"  # says whose images and encoder the weights derive from
            for file in (card, *model.parent.glob(f"{model.stem}.*")):
                target = tree / PACKAGE / "_bundles" / file.relative_to(BUNDLES_FOLDER)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        shutil.copyfile(project.with_name("LICENSE"), tree / "LICENSE")
        (tree / project.name).write_text(_format_project(list_runtime_requirements(project)), encoding="utf-8")
        wheels = tree / "wheels"
        subprocess.run([sys.executable, "-c", BUILD, str(wheels)], cwd=tree, check=True, stdout=sys.stderr)
        (wheel,) = wheels.glob("*.whl")
        return Path(shutil.copy(wheel, output))


def copy_modules(tree: Path) -> None:
    """Copy the modules of the runtime, with the tables and templates of their folders, into a tree."""
    files = {_locate_module(name) for name in list_runtime_modules()}
    tables = {table for file in files for ending in ("json", "html") for table in file.parent.glob(f"*.{ending}")}
    for file in files | tables:
        target = tree / file.relative_to(PACKAGE_FOLDER.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def copy_bundles(folder: Path) -> None:
    """Copy what `predict` reads of each bundle."""
    for name in list_bundle_names():
        for part in ("arch.json", "LICENSE", "configs/inference.json", "configs/metadata.json"):
            target = folder / name / part
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(BUNDLES_FOLDER / name / part, target)


def list_runtime_modules() -> set[str]:
    """Names of the modules of the runtime."""
    found: set[str] = set()
    open_ends = [*STARTS]
    while open_ends:
        name = open_ends.pop()
        if name in found or needs_torch(name):
            continue
        found.add(name)
        open_ends += [one for one in find_imports(name, inside=not _is_commands(name)) if _is_ours(one)]
    return found


def list_foreign_imports() -> set[str]:
    """First names of what the modules of the runtime import, wherever in them; the standard library apart."""
    names = {one.partition(".")[0] for name in list_runtime_modules() for one in find_imports(name, inside=True)}
    return names - {PACKAGE} - sys.stdlib_module_names


def list_runtime_requirements(project: Path) -> list[str]:
    """The lines of a pyproject.toml that the runtime requires, sorted."""
    lines = _read_requirements(project)
    found_in = packages_distributions()
    wanted = {_normalise(name) for module in list_foreign_imports() for name in found_in.get(module, ())}
    return sorted(line for name, line in lines.items() if name in wanted | set(DECODERS))


@cache
def needs_torch(name: str) -> bool:
    """Whether the import of a module imports `NOT_THERE`."""
    seen: set[str] = set()
    open_ends = [name]
    while open_ends:
        one = open_ends.pop()
        if one.partition(".")[0] in NOT_THERE:
            return True
        if _is_ours(one) and one not in seen:
            seen.add(one)
            open_ends += find_imports(one, inside=False)
    return False


@cache
def find_imports(name: str, *, inside: bool) -> frozenset[str]:
    """Modules that a module of this package names in its imports, with the packages that they lie in.

    Args:
        inside: whether imports inside of functions count.
    """
    tree = ast.parse(_locate_module(name).read_text(encoding="utf-8"))
    found = set(_list_imported(ast.walk(tree) if inside else iter(tree.body)))
    return frozenset(".".join(one.split(".")[: last + 1]) for one in found for last in range(one.count(".") + 1))


def _list_imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if _is_ours(name) and _locate_module(name).is_file())


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _is_commands(name: str) -> bool:
    return name == COMMANDS or name.startswith(f"{COMMANDS}.")


def _locate_module(name: str) -> Path:
    place = PACKAGE_FOLDER.parent.joinpath(*name.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _read_requirements(project: Path) -> dict[str, str]:
    """Requirements of a pyproject.toml by the name of their distribution."""
    lines = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return {_normalise(re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0]): line for line in lines}


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _format_project(requirements: list[str]) -> str:
    """The pyproject.toml of the runtime."""
    return f"""[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "mammoseg-runtime"
version = "{__version__}"
description = "Segmentation of masses in mammograms: `mammoseg predict` alone, without torch"
requires-python = "{REQUIRES_PYTHON}"
license = "Apache-2.0"
license-files = ["LICENSE"]
dependencies = {json.dumps(requirements)}

[project.scripts]
mammoseg = "mammoseg.runtime:main"

[tool.setuptools]
packages = {{find = {{include = ["{PACKAGE}*"]}}}}

[tool.setuptools.package-data]
{PACKAGE} = ["**/*.json", "**/*.html", "_bundles/**/*"]
"""
