"""What a config may name: what is known to read, compute or train, and nothing that opens the rest of Python.

No module is imported to find out: names are looked up in the source of the installed packages.
"""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from mammoseg.bundles import list_bundle_names, locate_bundle
from mammoseg.moved import find_new_name

MODULES = ("torch", "monai", "numpy", "math", "os", "os.path", "glob", "torch.distributed", "ignite")
"""Modules that a config may import; what of them it may use is another matter."""

GIVEN = {"torch": "torch", "monai": "monai", "np": "numpy", "numpy": "numpy"}
"""Names that MONAI gives every expression, by the module that they stand for."""

MONAI_ROOMS = (
    *("transforms", "networks.nets", "networks.blocks", "losses", "metrics", "handlers", "engines", "inferers"),
    *("optimizers", "visualize"),
)
"""Rooms of MONAI whose classes a config may make."""

MONAI_REFUSED = ("MLFlowHandler", "TorchVision", "TorchVisiond", "RandTorchVisiond", "PythonSolver")
"""Classes of these rooms that talk to others, or make what another name says."""

MONAI_DATA = (
    *("Dataset", "CacheDataset", "SmartCacheDataset", "DataLoader", "ThreadDataLoader", "DistributedSampler"),
    *("DistributedWeightedRandomSampler", "ITKReader", "NibabelReader", "PILReader", "PydicomReader"),
    *("load_decathlon_datalist", "partition_dataset", "decollate_batch", "pad_list_data_collate", "list_data_collate"),
)
"""What a config may use of `monai.data`, whose other classes read pickles."""

FUNCTIONS = re.compile(
    r"monai\.utils\.set_determinism|monai\.handlers\.(utils\.)?from_engine|monai\.handlers\.stopping_fn_from_metric"
    r"|torch\.(device|Tensor|Size|(b?float|u?int)\d+|bool|long|half|double|set_grad_enabled|no_grad|nn\.Identity"
    r"|channels_last|contiguous_format)"
    r"|torch\.cuda\.(is_available|set_device|device_count|current_device)"
    r"|torch\.(distributed\.(get_rank|get_world_size|is_initialized|is_available|barrier|init_process_group"
    r"|destroy_process_group))"
    r"|torch\.optim(\.lr_scheduler)?\.[A-Z]\w+|torch\.nn(\.parallel)?\.[A-Z]\w+"
    r"|ignite\.(handlers|metrics)\.[A-Z]\w+"
    r"|numpy\.(array|asarray|zeros|ones|arange|linspace|float32|float64|int32|int64|uint8|mean|max|min|inf|pi)"
    r"|math\.\w+|os\.path\.(join|basename|dirname|exists|isfile|isdir|splitext)|glob\.glob|os\.environ"
)
"""What else a config may use."""

BUILT_IN = (
    *("abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "hasattr", "int", "isinstance", "len"),
    *("list", "map", "max", "min", "print", "range", "round", "set", "sorted", "str", "sum", "tuple", "zip"),
)
"""Functions of Python that no harm can be done with."""


OWN_ROOMS = ("networks", "losses", "metrics", "transforms")
"""Rooms of this package whose public classes and functions compute and do nothing else."""

OF_EXPORTS = ("mammoseg.deploy.root.locate_export", "mammoseg.inference.keep_masses.KeepMassesd")
"""What `mammoseg export` writes into configs besides what the bundles of this program name."""


def is_allowed(name: str) -> bool:
    """Whether a config may use a name: a full one with dots, or that of a class as MONAI finds it."""
    name = find_new_name(name)  # exports of before name what they brought along
    head, _, last = name.rpartition(".")
    if FUNCTIONS.fullmatch(name) or last in MONAI_DATA and head in ("", "monai.data"):
        return True
    if not head:
        return last not in MONAI_REFUSED and any(last in _list_public_names(f"monai.{room}") for room in MONAI_ROOMS)
    package, _, room = head.partition(".")
    if package == "mammoseg":
        return (
            name in OF_EXPORTS
            or name in _list_own_targets()
            or (_is_below(room, OWN_ROOMS) and last in _list_public_names(head))
        )
    return (
        package == "monai"
        and _is_below(room, MONAI_ROOMS)
        and last not in MONAI_REFUSED
        and last in _list_public_names(head)
    )


def _is_below(room: str, rooms: tuple[str, ...]) -> bool:
    return any(room == one or room.startswith(f"{one}.") for one in rooms)


@cache
def _list_own_targets() -> frozenset[str]:
    """What the bundles that come with this program name."""
    configs = (Path(locate_bundle(name), "configs") for name in list_bundle_names())
    texts = (file.read_text(encoding="utf-8") for folder in configs for file in folder.glob("*.json"))
    return frozenset(name for text in texts for name in re.findall(r'"_target_": "([\w.]+)"', text))


@cache
def _list_public_names(module: str) -> frozenset[str]:
    """Classes and functions of an installed module: those that it defines, or as a package has from its own modules."""
    package, *rooms = module.split(".")
    path = _locate_package(package).joinpath(*rooms)
    is_package = path.is_dir()
    file = path / "__init__.py" if is_package else path.with_suffix(".py")
    names = []
    for statement in ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else ():
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            names.append(statement.name)
        elif is_package and isinstance(statement, ast.ImportFrom):
            if statement.level or (statement.module or "").split(".")[0] == package:
                names += [alias.asname or alias.name for alias in statement.names]
    return frozenset(name for name in names if not name.startswith("_"))


@cache
def _locate_package(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations, "both are installed with this program"
    return Path(next(iter(spec.submodule_search_locations)))
