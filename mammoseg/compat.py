"""The one shim: what released packages need beside a CPU build of torch and beside pydicom 3."""

import importlib.machinery
import importlib.util
import sys
from types import ModuleType

import torch

_MISSING_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_LIBRARY: list[torch.library.Library] = []
"""Keeps the declarations alive: torch drops them together with their `Library`."""


def heal_torchvision() -> None:
    """Declare the operators that torchvision expects from its compiled part, where that part cannot be loaded.

    torchvision's wheel is built for CUDA torch; beside a CPU torch its library does not load, and `import torchvision`
    (so timm, segmentation_models_pytorch, MONAI Label) fails with "operator torchvision::nms does not exist". The
    declarations let the import pass; calling the operators still fails, and nothing here calls them. Does nothing where
    torchvision works, is absent, or was healed before. Call it before the import.
    """
    if _LIBRARY or importlib.util.find_spec("torchvision") is None or _can_load_compiled_part():
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _MISSING_SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _LIBRARY.append(library)


def heal_pydicom_seg() -> None:
    """Put an empty module in the place of pydicom_seg, which cannot be imported beside pydicom 3.

    MONAI Label 0.8.5 imports pydicom_seg for DICOM SEG conversions of its own, which fail on mammograms anyway (see
    `mammoseg.dicom.seg`); with the stand-in everything else of it works, and such a conversion ends in an
    `AttributeError`. Call it before the import. Does nothing where pydicom_seg was imported before.
    """
    sys.modules.setdefault("pydicom_seg", ModuleType("pydicom_seg", "Stand-in of mammoseg.compat.heal_pydicom_seg."))


def _can_load_compiled_part() -> bool:
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None and spec.submodule_search_locations
    for folder in spec.submodule_search_locations:
        compiled = importlib.machinery.PathFinder.find_spec("_C", [folder])
        if compiled and compiled.origin:
            try:
                torch.ops.load_library(compiled.origin)
            except OSError:
                return False
            return True
    return False
