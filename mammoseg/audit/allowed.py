"""What a config may name: what is known to read, compute or train, and nothing that opens the rest of Python.

No module is imported to find out: names are looked up in the source of the installed packages.
"""

import ast
import builtins
import re
import sys
from functools import cache
from importlib.util import find_spec

from mammoseg.audit.source import Definition, find_public, list_names, list_packages, list_parameters
from mammoseg.bundles import SHIPPED_BUNDLES, read_exported_name
from mammoseg.moved import find_new_name
from mammoseg.provenance import PACKAGE_FOLDER

MODULES = ("torch", "monai", "numpy", "math", "os", "os.path", "glob", "torch.distributed", "ignite")
"""Modules that a config may import; what of them it may use is another matter."""

GIVEN = {"torch": "torch", "monai": "monai", "np": "numpy", "numpy": "numpy"}
"""Names that MONAI gives every expression, by the module that they stand for."""

MONAI_ROOMS = (
    *("transforms", "networks.nets", "networks.blocks", "losses", "metrics", "handlers", "engines", "inferers"),
    *("optimizers", "visualize"),
)
"""Rooms of MONAI whose classes a config may make."""

IGNITE_ROOMS = ("handlers", "metrics")
"""Rooms of Ignite whose classes a config may make."""

REFUSED = (
    *("TorchVision", "TorchVisiond", "RandTorchVision", "RandTorchVisiond", "TorchIO", "TorchIOd", "RandTorchIO"),
    *("RandTorchIOd", "CuCIM", "CuCIMd", "RandCuCIM", "RandCuCIMd"),
    *("PerceptualLoss", "MedicalNetPerceptualSimilarity", "RadImageNetPerceptualSimilarity"),
)
"""Classes of these rooms that make what a name says or run what they fetch, called as where they are defined."""

KNOWN_PACKAGES = (
    *("ignite", "monai", "numpy", "torch", "torchvision", "torchaudio", "torchio", "torch_xla", "transformers"),
    *("scipy", "skimage", "sklearn", "pandas", "cupy", "cupyx", "cucim", "cv2", "einops", "pyamg", "pywt", "lpips"),
    *("PIL", "itk", "nibabel", "nrrd", "pydicom", "nvidia", "openslide", "tifffile", "zarr", "lmdb", "kvikio"),
    *("matplotlib", "tensorboard", "tensorboardX", "tqdm", "filelock", "packaging", "pynvml", "huggingface_hub"),
    *("MetricsReloaded", "nvsubquadratic", "segment_anything", "squeeze_and_excitation"),
)
"""What a file of these rooms imports if it computes, reads or draws; another package may talk to other machines."""

TALKING = (
    *("asyncio", "ctypes", "ftplib", "http", "imaplib", "poplib", "smtplib", "socket", "socketserver", "ssl"),
    *("subprocess", "telnetlib", "urllib", "webbrowser", "xmlrpc"),
)
"""What of Python's own library talks to other machines or starts programs."""

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


LOOKED_UP = ("reader", "writer", "merger_cls")
"""Arguments in which MONAI takes a name, makes what Python finds by it, and gives it all further arguments."""

FIXED = {"allow_pickle": False, "weights_only": True}
"""Arguments with their only value that reads no pickles."""

UNSET = ("pickle_module", "compile_kwargs", "init_method")
"""Arguments that name what reads pickles, the compiler that is started, or the machine that is joined."""

JOINS = "torch.distributed.init_process_group"
"""Function that joins the processes of `torchrun`, or those of the machine that an argument names."""

HARMLESS_TO_JOIN = ("backend", "timeout")
"""Its arguments that name no machine; the first may be given without its name."""

DECIDING = frozenset((*LOOKED_UP, *FIXED, *UNSET))
"""Arguments that say what runs."""

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
"""Name of a class, function or module, full or not."""

ENDINGS = (
    *("json", "yaml", "yml", "csv", "tsv", "txt", "md", "html", "xml", "pdf", "pt", "pth", "ts", "ckpt"),
    *("safetensors", "onnx", "bin", "npy", "npz", "pkl", "h5", "mat", "zip", "gz", "nii", "dcm", "nrrd", "mha"),
    *("png", "jpg", "jpeg", "tif", "tiff", "bmp"),
)
"""Last words of names of files; nothing that could do harm is called so."""


def is_allowed(name: str) -> bool:
    """Whether a config may use a name: a full one with dots, or that of a class as MONAI finds it."""
    name = find_new_name(name)  # exports of before name what they brought along
    head, _, last = name.rpartition(".")
    if FUNCTIONS.fullmatch(name) or last in MONAI_DATA and head in ("", "monai.data"):
        return True
    package, _, room = head.partition(".")
    if package == "mammoseg":
        return (
            name in OF_EXPORTS
            or name in _list_own_targets()
            or (_is_below(room, OWN_ROOMS) and find_public(head, last) is not None)
        )
    return _find_in_rooms(name) is not None


def has_deciding_argument(name: str) -> bool:
    """Whether what a name stands for takes an argument by which it says what else runs; see `arguments`."""
    definition = _find_in_rooms(name)
    return definition is not None and not DECIDING.isdisjoint(list_parameters(definition))


def is_foreign(text: str) -> bool:
    """Whether a text is the full name of something that is installed and that a config may not use."""
    head, dot, rest = text.partition(".")
    if not dot or not NAME.fullmatch(text) or rest.rpartition(".")[2].lower() in ENDINGS or is_allowed(text):
        return False
    return hasattr(builtins, head) or can_be_imported(head)


def is_reader(name: str) -> bool:
    """Whether MONAI finds a class that reads or writes images by a name, small letters or not."""
    small = {other.lower() for other in list_names("monai.data") if other.endswith(("Reader", "Writer"))}
    return name.removeprefix("monai.data.").lower() in small


@cache
def _find_in_rooms(name: str) -> Definition | None:
    """Where a class or function of MONAI or Ignite is written, if its room and what it imports are known."""
    head, _, last = name.rpartition(".")
    package, _, room = head.partition(".")
    rooms = [f"monai.{one}" for one in MONAI_ROOMS] if not head else []
    if (package == "monai" and _is_below(room, MONAI_ROOMS)) or (package == "ignite" and room in IGNITE_ROOMS):
        rooms = [head]
    for found in filter(None, (find_public(one, last) for one in rooms)):
        own_name = "" if isinstance(found.node, ast.Lambda) else found.node.name
        if own_name in REFUSED or not all(map(_is_known, list_packages(found.module))):
            return None
        return found
    return None


def _is_known(package: str) -> bool:
    return package in KNOWN_PACKAGES or (package in sys.stdlib_module_names and package not in TALKING)


@cache
def can_be_imported(package: str) -> bool:
    """Whether there is a module or package of that first name; it is not imported."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # one that is half imported
        return True


def _is_below(room: str, rooms: tuple[str, ...]) -> bool:
    return any(room == one or room.startswith(f"{one}.") for one in rooms)


@cache
def _list_own_targets() -> frozenset[str]:
    """What the bundles that come with this program name; those of another folder are strangers' as others are."""
    own = PACKAGE_FOLDER.parent / "configs"  # of an export that this program is in
    configs = [own] if read_exported_name(own.parent) else SHIPPED_BUNDLES.glob("*/configs")
    texts = (file.read_text(encoding="utf-8") for folder in configs for file in folder.glob("*.json"))
    return frozenset(name for text in texts for name in re.findall(r'"_target_": "([\w.]+)"', text))
