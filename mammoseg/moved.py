"""Names that were changed: whoever asks for an old one, in code or in a config, is told the new one."""

import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType, TracebackType

MOVED = {
    "mammoseg.acceleration": "mammoseg.inference.acceleration",
    "mammoseg.benchmark.run": "mammoseg.benchmark.networks_speed",
    "mammoseg.checkpoints.checkpoint.trained_preprocessing": "mammoseg.checkpoints.preprocessing.build_preprocessing",
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
    "mammoseg.dicom.derived.source_header": "mammoseg.dicom.source_header.build_source_header",
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
"""Old name to new name, of the move after 0.1.0; functions whose names became verbs stand in `mammoseg.renamed`."""

NOT_THERE = (
    re.compile(r"Cannot locate class or function path: '(?P<name>[\w.]+)'"),  # of MONAI
    re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'"),
    re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"),
)
"""What is said where a module is there and has no such name."""


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
        known = {old: new for old, new in MOVED.items() if old == fullname or old.startswith(f"{fullname}.")}
        if known:
            raise MovedError(_say_moved(known))


def find_moved(error: BaseException | None) -> MovedError | None:
    """The old name that an error, or one behind it, is about; None where all are about something else.

    What imports by name for MONAI, `pydoc`, raises an error of its own without naming a cause.

    Examples:
        >>> from mammoseg.moved import find_moved
        >>> find_moved(AttributeError("module 'mammoseg' has no attribute 'nothing'")) is None
        True
    """
    seen: set[int] = set()  # a cause may name as its context what it was raised from
    while error is not None and id(error) not in seen:
        if isinstance(error, MovedError):
            return error
        for said in filter(None, (pattern.match(str(error)) for pattern in NOT_THERE)):
            old = ".".join(said.groupdict()[part] for part in ("module", "name") if part in said.groupdict())
            if (now := find_new_name(old)) != old:
                return MovedError(_say_moved({old: now}))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def find_new_name(name: str) -> str:
    """The name of now of a module, class or function; `name` itself where that is not one of before.

    Examples:
        >>> from mammoseg.moved import find_new_name
        >>> find_new_name("mammoseg.bundles.bundle_root")
        'mammoseg.bundles.locate_bundle'
    """
    from mammoseg.renamed import RENAMED  # wanted only where a name is missed

    module, _, function = name.rpartition(".")
    if new := RENAMED.get(module, {}).get(function):
        return f"{module}.{new}"
    return MOVED.get(name, name)


def _say_moved(names: Mapping[str, str]) -> str:
    return "; ".join(f"{old} is now {new}" for old, new in names.items()) + "; write that name instead."


def watch() -> None:
    """Ask this module for every name that Python does not find, and for what ends a program, MONAI's too."""
    if any(isinstance(finder, MovedNames) for finder in sys.meta_path):
        return
    sys.meta_path.append(MovedNames())
    show = sys.excepthook

    def show_with_new_name(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        show(kind, error, trace)
        if moved := find_moved(error):
            print(f"mammoseg: {moved}", file=sys.stderr)

    sys.excepthook = show_with_new_name
