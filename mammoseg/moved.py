"""Modules that were moved: whoever asks for an old name, in code or in a config, is told the new one."""

import sys
from collections.abc import Sequence
from types import ModuleType

MOVED = {
    "mammoseg.acceleration": "mammoseg.inference.acceleration",
    "mammoseg.checkpoints.load_weights": "mammoseg.checkpoints.checkpoint.load_weights",
    "mammoseg.checkpoints.read_checkpoint": "mammoseg.checkpoints.checkpoint.read_checkpoint",
    "mammoseg.checkpoints.read_weights": "mammoseg.checkpoints.checkpoint.read_weights",
    "mammoseg.checkpoints.save_checkpoint": "mammoseg.checkpoints.checkpoint.save_checkpoint",
    "mammoseg.data.cached_dataset": "mammoseg.transforms.cached_dataset",
    "mammoseg.data.csv_table": "mammoseg.csv_table",
    "mammoseg.data.identity_map": "mammoseg.deidentification.identity_map",
    "mammoseg.deidentify": "mammoseg.deidentification.deidentify",
    "mammoseg.dicom.basic_profile": "mammoseg.deidentification.basic_profile",
    "mammoseg.dicom.decode_worker": "mammoseg.data.decode_worker",
    "mammoseg.dicom.derived.Algorithm": "mammoseg.dicom.algorithm.Algorithm",
    "mammoseg.dicom.derived.Analysis": "mammoseg.dicom.analysis.Analysis",
    "mammoseg.dicom.derived.Assistance": "mammoseg.dicom.algorithm.Assistance",
    "mammoseg.dicom.derived.derive_uid": "mammoseg.dicom.analysis.derive_uid",
    "mammoseg.dicom.derived.source_header": "mammoseg.dicom.source_header.source_header",
    "mammoseg.dicomweb": "mammoseg.archives.dicomweb",
    "mammoseg.dimse": "mammoseg.archives.dimse",
    "mammoseg.evaluation.report": "mammoseg.evaluation.page",
    "mammoseg.folding": "mammoseg.inference.folding",
    "mammoseg.inference.Predictor": "mammoseg.inference.predictor.Predictor",
    "mammoseg.label_server": "mammoseg.viewer.label_server",
    "mammoseg.lesions": "mammoseg.inference.lesions",
    "mammoseg.networks.SmpUNetPlusPlus": "mammoseg.networks.SmpUNet",
    "mammoseg.networks.smp_unetplusplus": "mammoseg.networks.smp_unet",
    "mammoseg.predict": "mammoseg.prediction.predict",
    "mammoseg.report.overlay": "mammoseg.overlay",
    "mammoseg.report.page": "mammoseg.prediction.page",
    "mammoseg.report.table": "mammoseg.prediction.table",
    "mammoseg.results": "mammoseg.prediction.results",
    "mammoseg.schedules": "mammoseg.training.schedules",
    "mammoseg.send": "mammoseg.archives.send",
    "mammoseg.transforms.crop": "mammoseg.transforms.functional.steps",
    "mammoseg.transforms.save_prediction": "mammoseg.prediction.save_prediction",
    "mammoseg.weights_file": "mammoseg.checkpoints.weights_file",
    "mammoseg.workflow": "mammoseg.training.workflow",
}
"""Old name to new name, of the move after 0.1.0."""


class MovedError(ModuleNotFoundError):
    """A name of before."""


class MovedNames:
    """Comes last of Python's finders, so it is asked for what does not exist.

    No heir of `importlib.abc.MetaPathFinder`, whose import takes longer than all else at the start of the package.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> None:
        """Tell the new name of a module that was moved.

        Raises:
            MovedError: it was.
        """
        known = [old for old in MOVED if old == fullname or old.startswith(f"{fullname}.")]
        if known:
            raise MovedError("; ".join(f"{old} is now {MOVED[old]}" for old in known) + "; write that name instead.")


def watch() -> None:
    """Ask this module for every name that Python does not find."""
    if not any(isinstance(finder, MovedNames) for finder in sys.meta_path):
        sys.meta_path.append(MovedNames())
