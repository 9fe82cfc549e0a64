"""Import what the configs of a bundle name, with nothing but the packages that its metadata lists, and what these need.

Usage: PYTHON tests/deploy/import_listed.py BUNDLE; run in a process of its own, since it hides all other packages.
"""

import json
import sys
from importlib import import_module
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def with_needed(names: set[str]) -> set[str]:
    """Packages and all that they need without extras."""
    needed: set[str] = set()
    waiting = {canonicalize_name(name) for name in names}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        try:
            lines = [Requirement(line) for line in requires(name) or ()]
        except ModuleNotFoundError:  # of another system
            continue
        here = {
            canonicalize_name(line.name) for line in lines if not line.marker or line.marker.evaluate({"extra": ""})
        }
        waiting |= here - needed
    return needed


class Hidden:
    """Finds nothing, and says so of every module of a package that is not listed."""

    def __init__(self, listed: set[str]) -> None:
        owners = {module: {canonicalize_name(owner) for owner in of} for module, of in packages_distributions().items()}
        self.hidden = {module for module, of in owners.items() if not of & listed} - {"mammoseg"}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.hidden:
            raise ModuleNotFoundError(f"{name} is of no listed package", name=name)


configs = Path(sys.argv[1]) / "configs"
metadata = json.loads((configs / "metadata.json").read_text())
sys.meta_path.insert(0, Hidden(with_needed({"monai", "torch", "numpy", *metadata["required_packages_version"]})))


def targets(part: object) -> set[str]:
    """Modules of ours that any ``_target_`` of a config lies in."""
    if isinstance(part, dict):
        inside = set().union(*map(targets, part.values())) if part else set()
        target = part.get("_target_")
        return inside | (
            {target.rpartition(".")[0]} if isinstance(target, str) and target.startswith("mammoseg") else set()
        )
    return set().union(*map(targets, part)) if isinstance(part, list) and part else set()


for file in sorted(configs.glob("*.json")):
    for module in sorted(targets(json.loads(file.read_text()))):
        import_module(module)
