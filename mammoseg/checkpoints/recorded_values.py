"""Values that a file records of its weights, rebuilt word by word before anything uses them; needs no torch.

No name out of a file is ever looked up in a module, and no text out of a file becomes part of a config.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mammoseg.dicom.own_voi import is_own_voi
from mammoseg.files import as_printable

WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Every text of a record but those of `is_own_voi`: no separator of MONAI's configs, no first letter of an expression,
no path, no address."""

MOST = 8192
"""Largest number of a record, in either direction; the widest level of a bundle has 2,048 channels."""

MOST_ITEMS = 64
"""Longest list of a record, and most entries of a part of the provenance."""

MOST_GRID = 2**27
"""Most values of one image on the grid of the network, as float32 half a gigabyte; 256 x 256 x 3 are 2 ** 17.6."""

MOST_LETTERS = 200
"""Longest text of the provenance."""

MOST_DEPTH = 4
"""Deepest nesting of the provenance: the counts of a calibration of the weights that a run started from."""


def read_recorded_threshold(record: Any) -> float | None:
    """The threshold that travels with weights; None where there is none.

    Raises:
        ValueError: it is no probability that could decide anything, after the name of the file.
    """
    if record is None or (type(record) is float and 0 < record < 1):
        return record
    raise ValueError("records a threshold that is no number between 0 and 1")


def read_recorded_flips(record: Any) -> bool:
    """Whether the threshold was chosen with flips at test; False where nothing is recorded.

    Raises:
        ValueError: it is neither true nor false, after the name of the file.
    """
    if record is None or isinstance(record, bool):
        return bool(record)
    raise ValueError("records flips that are neither true nor false")


def read_recorded_calibration(record: Any) -> dict[str, Any] | None:
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
            return {"scale": scale, "offset": offset, "fitted_on": as_printable(data)}
    raise ValueError("records a calibration that is no scale above 0, offset and name of data")


def read_recorded_least_area(record: Any) -> float | None:
    """The least area in mm² of a lesion of these weights; None where nobody has chosen one.

    Raises:
        ValueError: it is no area, after the name of the file.
    """
    if record is None or (type(record) is float and 0 <= record <= MOST):
        return record
    raise ValueError("records a least area that is no number of mm2 from 0")


def read_recorded_bf16(record: Any) -> dict[str, Any] | None:
    """What bf16 does to weights: ``dice_change``, mean Dice in bf16 less that in f32; ``measured_on``, the images.

    None where nobody has measured it.

    Raises:
        ValueError: it is anything else, after the name of the file.
    """
    match record:
        case None:
            return None
        case {"dice_change": float(change), "measured_on": str(data)} if (
            len(record) == 2 and -1 <= change <= 1 and len(data) <= MOST_LETTERS
        ):
            return {"dice_change": change, "measured_on": as_printable(data)}
    raise ValueError("records a change by bf16 that is no change of Dice and name of data")


CHOSEN: Mapping[str, Callable[[Any], Any]] = {
    "threshold": read_recorded_threshold,
    "calibration": read_recorded_calibration,
    "flips": read_recorded_flips,
    "min_area_mm2": read_recorded_least_area,
    "bf16": read_recorded_bf16,
}
"""What a file has once somebody has chosen or measured it for these weights, and what rebuilds each."""


def read_recorded_choices(record: Mapping[str, Any]) -> dict[str, Any]:
    """`CHOSEN` by name; what is not recorded as where nobody has chosen.

    Raises:
        ValueError: one is not what it must be, after the name of the file.
    """
    return {name: rebuilt(record.get(name)) for name, rebuilt in CHOSEN.items()}


def check_grid(spatial_size: Sequence[int], channels: int) -> None:
    """Refuse an image of the network that has no pixel, or more than memory should be asked for.

    Args:
        spatial_size: rows and columns, as recorded.

    Raises:
        ValueError: it is no such size, after the name of the file.
    """
    if len(spatial_size) != 2:
        raise ValueError("records a 'spatial_size' that is not rows and columns")
    rows, columns = spatial_size
    if not (rows > 0 < columns and rows * columns * channels <= MOST_GRID):
        raise ValueError(f"records a grid that is empty or has more than {MOST_GRID:,} values")


def read_recorded_provenance(record: Any, *, depth: int = MOST_DEPTH) -> Any:
    """Where weights come from, which is only shown: plain values, and texts of one line.

    Raises:
        ValueError: it is anything else, after the name of the file.
    """
    match record:
        case dict() if depth and len(record) <= MOST_ITEMS:
            return {
                read_recorded_provenance(key, depth=0): read_recorded_provenance(value, depth=depth - 1)
                for key, value in record.items()
            }
        case list() if depth and len(record) <= MOST_ITEMS:
            return [read_recorded_provenance(value, depth=depth - 1) for value in record]
        case str() if len(record) <= MOST_LETTERS:
            return as_printable(record)
        case None | bool() | int() | float():
            return record
    raise ValueError("has a provenance that is more than short texts and numbers")


def with_text_keys(record: Mapping[Any, Any]) -> dict[str, Any]:
    """A copy of a record whose keys are all text.

    Raises:
        ValueError: one is not, after the name of the file.
    """
    if not all(isinstance(key, str) for key in record):
        raise ValueError("records a setting without a name")
    return dict(record)


def rebuild_arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of `function`: those of `given`, whose kinds must be those of the signature, and the defaults.

    Raises:
        ValueError: a name is unknown, or a value is of another kind, after the name of the file.
    """
    kinds = get_type_hints(function)
    parameters = {name: of for name, of in inspect.signature(function).parameters.items() if name != "self"}
    if unknown := sorted(given.keys() - parameters.keys()):
        raise ValueError(f"records an unknown setting '{as_printable(unknown[0])[:MOST_LETTERS]}'")
    arguments = {}
    for name, parameter in parameters.items():
        value = given.get(name, parameter.default)
        try:
            arguments[name] = _rebuild(value, kinds[name])
        except ValueError as error:
            raise ValueError(f"records no fit value for '{name}'") from error
    return arguments


def _rebuild(value: Any, kind: Any) -> Any:
    """`value` as a new JSON value of the kind of an annotation."""
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType):  # Python 3.10 makes the first of what may be None by default
        kind = next((part for part in parts if _is_of(value, part)), NoneType)
    if isinstance(value, list | tuple) and get_origin(kind) is Sequence and len(value) <= MOST_ITEMS:
        return [_rebuild(item, get_args(kind)[0]) for item in value]
    if not _is_of(value, kind):
        raise ValueError(kind)
    return value


def _is_of(value: Any, kind: Any) -> bool:
    if kind is str:
        return isinstance(value, str) and (WORD.fullmatch(value) is not None or is_own_voi(value))
    kinds = {int: (int,), float: (int, float), bool: (bool,), NoneType: (NoneType,)}.get(kind, ())
    return type(value) in kinds and (value is None or -MOST <= value <= MOST)
