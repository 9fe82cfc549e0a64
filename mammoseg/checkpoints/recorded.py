"""What a checkpoint records of its network and its preprocessing, rebuilt word by word before anything uses it.

A file says what its weights are for, and a file may come from anybody. So it chooses among what this package has: an
architecture by a word of the index, arguments by the names of a signature, values that are numbers and short words. No
name out of a file is ever looked up in a module, and no text out of a file becomes part of a config.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mammoseg.files import printable
from mammoseg.networks import ARCHITECTURES
from mammoseg.networks.network import ARCHITECTURE
from mammoseg.transforms.photographs import photograph_preprocessing
from mammoseg.transforms.pipelines import Preprocessing, preprocessing
from mammoseg.transforms.prompted import prompted_preprocessing

WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Every text of a record: no separator of MONAI's configs, no first letter of an expression, no path, no address."""

MOST = 8192
"""Largest number of a record, in either direction; the widest level of a bundle has 2,048 channels."""

MOST_ITEMS = 64
"""Longest list of a record, and most entries of a part of the provenance."""

MOST_GRID = 2**27
"""Most values of one image on the grid of the network, as float32 half a gigabyte; 256 x 256 x 3 are 2 ** 17.6."""

MOST_LETTERS = 200
"""Longest text of the provenance."""

MOST_DEPTH = 3
"""Deepest nesting of the provenance; the versions of packages lie two deep."""

PREPROCESSINGS: tuple[Callable[..., Preprocessing], ...] = (
    preprocessing,
    photograph_preprocessing,
    prompted_preprocessing,
)
"""What a record may be the settings of: the first whose signature has all its names."""

OLD_TARGETS = {
    target: name
    for name, network in ARCHITECTURES.items()
    for target in (f"mammoseg.networks.{name}", f"{network.__module__}.{name}")
} | {
    "mammoseg.networks.SmpUNetPlusPlus": "SmpUNetPlusPlus",
    "mammoseg.networks.smp_unetplusplus.SmpUNetPlusPlus": "SmpUNetPlusPlus",
}
"""Architectures by what checkpoints called them until November 2026."""

MERGED: dict[str, tuple[str, dict[str, Any]]] = {
    "SmpUNetPlusPlus": ("SmpUNet", {"decoder": "unetplusplus", "attention": "scse"}),
}
"""Architectures that became another one with these arguments; checkpoints of before keep their words."""


def recorded_network(record: dict[Any, Any]) -> dict[str, Any]:
    """The `Network.config` that `record` stands for, with all arguments.

    Raises:
        ValueError: why it stands for none, after the name of the file.
    """
    given = _with_text_keys(record)
    name = given.pop(ARCHITECTURE, None)
    if name is None:
        name = OLD_TARGETS.get(str(given.pop("_target_", None)))
    name, settings = MERGED.get(str(name), (name, {}))
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ValueError("names no architecture of mammoseg")
    arguments = _arguments(ARCHITECTURES[name].__init__, settings | given)
    if arguments.get("encoder_weights") is not None:
        raise ValueError("names other weights for its encoder, though it brings its own")
    return {ARCHITECTURE: name, **arguments}


def recorded_preprocessing(record: dict[Any, Any]) -> dict[str, Any]:
    """The `Preprocessing.settings` that `record` stands for.

    Raises:
        ValueError: why it stands for none, after the name of the file.
    """
    given = _with_text_keys(record)
    function = _preprocessing_of(given)
    arguments = _arguments(function, given)
    if len(arguments["spatial_size"]) != 2:
        raise ValueError("records a 'spatial_size' that is not rows and columns")
    rows, columns = arguments["spatial_size"]
    if not (rows > 0 < columns and rows * columns * arguments.get("channels", 3) <= MOST_GRID):
        raise ValueError(f"records a grid that is empty or has more than {MOST_GRID:,} values")
    try:
        return function(**arguments).settings
    except Exception as error:  # of any transform in it
        raise ValueError("records settings of no preprocessing") from error


def recorded_threshold(record: Any) -> float | None:
    """The threshold that travels with weights; None where there is none.

    Raises:
        ValueError: it is no probability that could decide anything, after the name of the file.
    """
    if record is None or (type(record) is float and 0 < record < 1):
        return record
    raise ValueError("records a threshold that is no number between 0 and 1")


def recorded_flips(record: Any) -> bool:
    """Whether the threshold was chosen with flips at test; False where nothing is recorded.

    Raises:
        ValueError: it is neither true nor false, after the name of the file.
    """
    if record is None or isinstance(record, bool):
        return bool(record)
    raise ValueError("records flips that are neither true nor false")


def recorded_calibration(record: Any) -> dict[str, Any] | None:
    """The arguments of the `mammoseg.calibration.Calibration` of weights; None where there is none.

    Raises:
        ValueError: it is anything else, after the name of the file.
    """
    match record:
        case None:
            return None
        case {"scale": float(scale), "offset": float(offset), "fitted_on": str(data)} if (
            len(record) == 3 and 1 / MOST <= scale <= MOST and -MOST <= offset <= MOST and len(data) <= MOST_LETTERS
        ):
            return {"scale": scale, "offset": offset, "fitted_on": printable(data)}
    raise ValueError("records a calibration that is no scale above 0, offset and name of data")


def recorded_least_area(record: Any) -> float | None:
    """The least area in mm² of a lesion of these weights; None where nobody has chosen one.

    Raises:
        ValueError: it is no area, after the name of the file.
    """
    if record is None or (type(record) is float and 0 <= record <= MOST):
        return record
    raise ValueError("records a least area that is no number of mm2 from 0")


def build_preprocessing(settings: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing of settings that were checked before."""
    return _preprocessing_of(settings)(**settings)


def recorded_provenance(record: Any, *, depth: int = MOST_DEPTH) -> Any:
    """Where weights come from, which is only shown: plain values, and texts of one line.

    Raises:
        ValueError: it is anything else, after the name of the file.
    """
    match record:
        case dict() if depth and len(record) <= MOST_ITEMS:
            return {
                recorded_provenance(key, depth=0): recorded_provenance(value, depth=depth - 1)
                for key, value in record.items()
            }
        case list() if depth and len(record) <= MOST_ITEMS:
            return [recorded_provenance(value, depth=depth - 1) for value in record]
        case str() if len(record) <= MOST_LETTERS:
            return printable(record)
        case None | bool() | int() | float():
            return record
    raise ValueError("has a provenance that is more than short texts and numbers")


def _preprocessing_of(settings: Mapping[str, Any]) -> Callable[..., Preprocessing]:
    for function in PREPROCESSINGS:
        if settings.keys() <= inspect.signature(function).parameters.keys():
            return function
    raise ValueError("records settings that no preprocessing of mammoseg has")


def _with_text_keys(record: dict[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in record):
        raise ValueError("records a setting without a name")
    return dict(record)


def _arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of `function`: those of `given`, whose kinds must be those of the signature, and the defaults."""
    kinds = get_type_hints(function)
    parameters = {name: of for name, of in inspect.signature(function).parameters.items() if name != "self"}
    if unknown := sorted(given.keys() - parameters.keys()):
        raise ValueError(f"records an unknown setting '{printable(unknown[0])[:MOST_LETTERS]}'")
    arguments = {}
    for name, parameter in parameters.items():
        value = given.get(name, parameter.default)
        try:
            arguments[name] = _rebuilt(value, kinds[name])
        except ValueError as error:
            raise ValueError(f"records no fit value for '{name}'") from error
    return arguments


def _rebuilt(value: Any, kind: Any) -> Any:
    """`value` as a new JSON value of the kind of an annotation."""
    parts = get_args(kind)
    if get_origin(kind) is UnionType:
        kind = next((part for part in parts if _is_of(value, part)), NoneType)
    if isinstance(value, list | tuple) and get_origin(kind) is Sequence and len(value) <= MOST_ITEMS:
        return [_rebuilt(item, get_args(kind)[0]) for item in value]
    if not _is_of(value, kind):
        raise ValueError(kind)
    return value


def _is_of(value: Any, kind: Any) -> bool:
    if kind is str:
        return isinstance(value, str) and WORD.fullmatch(value) is not None
    kinds = {int: (int,), float: (int, float), bool: (bool,), NoneType: (NoneType,)}.get(kind, ())
    return type(value) in kinds and (value is None or -MOST <= value <= MOST)
