"""JSON from clients, and the one place that says what each parameter may be.

What is read is bounded in length, depth and numbers, and is text that every answer can hold. Reserved keys are refused,
keys that a task does not know are left out, and of the others only values of their kind get any further; so what a task
is given are words, numbers and yes or no, never a path and never a piece of a config.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from mammoseg.errors import InputRefusedError
from mammoseg.training.workflow import RECIPES
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import ImageId, Name, is_unicode

MOST_CHARACTERS = 2**18
MOST_DEPTH = 12
MOST_MAGNITUDE = 2**53
"""Integers beyond it are no longer exact in JavaScript."""

RESERVED = frozenset({"model", "image", "images", "session", "session_id", "file", "method", "strategy", "user"})
"""What the address says, or the login; a parameter of the same name must not replace it."""

OF_THE_SERVER = frozenset(
    {"scores", "strategy", "model", "params", "masses", "skipped", "user", "algorithm_type", "helped_by"}
)
"""What the server itself notes of images and labels, and reads again."""

EXTENSIONS = (".nii.gz", ".nrrd", ".png")
"""Kinds of files of a mask that a client may ask for; the first unless it says otherwise."""


@dataclass(frozen=True)
class Kind:
    """What a parameter may be.

    Attributes:
        type: type for pydantic, with its range.
        words: kind and range in words, after "must be".
    """

    type: TypeAdapter[Any]
    words: str


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("yes or no is no number")
    return value


def _build_whole_number(least: int, most: int) -> Kind:
    kind = TypeAdapter(Annotated[int, Field(ge=least, le=most), BeforeValidator(_refuse_bool)])
    return Kind(kind, f"a whole number from {least} to {most}")


def _build_number(words: str, **limits: float) -> Kind:
    return Kind(
        TypeAdapter(Annotated[float, Field(allow_inf_nan=False, **limits), BeforeValidator(_refuse_bool)]), words
    )


def _build_choice(*words: str, tidied: Callable[[Any], Any] = lambda value: value) -> Kind:
    """Args: tidied: brings a value to the form of the words. A list stands for its first: so choices were offered."""

    def pick_word(value: Any) -> Any:
        found = tidied(value[0] if isinstance(value, list) and value else value)
        if found not in words:
            raise ValueError("unknown word")
        return found

    return Kind(TypeAdapter(Annotated[str, BeforeValidator(pick_word)]), f"one of {', '.join(words)}")


def _with_dot(value: Any) -> Any:
    return f".{value.lower().removeprefix('.')}" if isinstance(value, str) else value


_Coordinate = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_refuse_bool)]
_Count = Annotated[int, Field(ge=0), BeforeValidator(_refuse_bool)]
_Pair = Annotated[list[_Coordinate], Field(min_length=2, max_length=2)]
_Side = Annotated[int, BeforeValidator(_refuse_bool)]


def _build_points(least: int, most: int) -> Any:
    return list[Annotated[list[_Coordinate], Field(min_length=least, max_length=most)]]


class SentMask(BaseModel):
    """A mask as a page sends it, see `mammoseg.interactive.run_lengths`."""

    box: Annotated[list[_Side], Field(min_length=4, max_length=4)] | None
    counts: list[_Count]


class NamedValue(BaseModel):
    """A value of a label map, as Slicer names it when it sends scribbles."""

    name: str
    id: Annotated[int, Field(ge=1, le=1000), BeforeValidator(_refuse_bool)]


def _build_numbers(least: int, most: int) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[list[_Coordinate], Field(min_length=least, max_length=most)])


_POINTS = Kind(TypeAdapter(_build_points(2, 3)), "a list of points, each of two or three numbers")
_STROKES = Kind(TypeAdapter(list[list[_Pair]]), "a list of strokes, each a list of points of row and column")

YES_OR_NO = Kind(TypeAdapter(bool), "true or false")

KINDS: Mapping[str, Kind] = {
    "threshold": _build_number("a number above 0 and below 1", gt=0, lt=1),
    "result_extension": _build_choice(*EXTENSIONS, tidied=_with_dot),
    "max_batch_size": _build_whole_number(0, 1_000_000),
    "force": YES_OR_NO,
    "save_label": YES_OR_NO,
    "model": Kind(TypeAdapter(Name), "the name of a model"),
    "images": _build_choice("all", "labeled", "unlabeled"),
    "group": YES_OR_NO,
    "max_epochs": _build_whole_number(1, 10_000),
    "batch_size": _build_whole_number(1, 1024),
    "lr": _build_number("a number from 1e-09 to 1", ge=1e-9, le=1),
    "recipe": _build_choice(*RECIPES),
    "tolerance": _build_number("a number from 0 to 1", ge=0, le=1),
    "min_held_out": _build_whole_number(1, 1_000_000),
    "from_scratch": YES_OR_NO,
    "foreground": _POINTS,
    "background": _POINTS,
    "roi": Kind(_build_numbers(0, 6), "six numbers: from and to in columns, rows and slices"),
    "box": Kind(_build_numbers(4, 4), "four numbers: top, left, bottom, right"),
    "inside": _STROKES,
    "outside": _STROKES,
    "mask": Kind(TypeAdapter(SentMask), "a box of four whole numbers and the lengths of runs in it, or null"),
    "label_info": Kind(
        TypeAdapter(Annotated[list[NamedValue], Field(max_length=1000)]), "a list of names of values with their ids"
    ),
    "selected_label_name": Kind(TypeAdapter(Annotated[str, Field(max_length=1000)]), "the name of a segment"),
    "image": Kind(TypeAdapter(ImageId), "the id of an image"),
}
"""Every parameter that a task reads."""


def parse_value(name: str, value: Any) -> Any:
    """The value of a parameter, as its kind.

    Raises:
        InputRefusedError: ``E_PARAMS``, it is none of its kind.
    """
    kind = KINDS[name]
    try:
        return kind.type.validate_python(value)
    except ValidationError:
        raise InputRefusedError("E_PARAMS", f"{name} must be {kind.words}.") from None


def read_json_object(text: str | bytes) -> dict[str, Any]:
    """Read an object.

    Raises:
        HttpError: 400; no JSON, no object, too long, too deep, a number that is none, or text that is no Unicode.
    """
    if len(text) > MOST_CHARACTERS:
        raise HttpError(400, "E_PARAMS", f"parameters have more than {MOST_CHARACTERS} characters.")
    try:
        value = json.loads(text or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise HttpError(400, "E_PARAMS", "parameters are no JSON.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HttpError(400, "E_PARAMS", "parameters are no JSON object.")
    _check(value, MOST_DEPTH)
    return value


async def read_json_body(request: Request) -> dict[str, Any]:
    """Dependency of routes whose body is a JSON object, or empty."""
    return read_json_object(await request.body())


JsonBody = Annotated[dict[str, Any], Depends(read_json_body)]

JSON_BODY = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object", "title": "Params"}}}},
}
"""What the OpenAPI document says of `read_json_body`."""


def parse_note(text: str) -> dict[str, Any]:
    """What a client notes of an image or a label.

    Raises:
        HttpError: 400; as `read_json_object`, or it would replace what the server notes.
    """
    info = read_json_object(text)
    if taken := OF_THE_SERVER & info.keys():
        raise HttpError(400, "E_PARAMS", f"a note cannot hold {', '.join(sorted(taken))}; the server writes it.")
    return info


def pick_known(params: Mapping[str, Any], allowed: Collection[str]) -> dict[str, Any]:
    """The parameters of a client that a task knows.

    Args:
        allowed: keys of its `config()`, or of the group of routes.

    Raises:
        HttpError: 400; a parameter would replace what the address or the login says.
        InputRefusedError: ``E_PARAMS``, see `parse_value`.
    """
    if taken := RESERVED.difference(allowed, {"user"}) & params.keys():
        raise HttpError(400, "E_PARAMS", f"parameters cannot hold {', '.join(sorted(taken))}; the address says it.")
    return read_params(params, allowed)


def read_params(params: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those parameters that are there, each as its kind; what is null or an empty text is not said.

    Raises:
        InputRefusedError: ``E_PARAMS``, see `parse_value`.
    """
    found = {name: params.get(name) for name in names}
    return {name: parse_value(name, value) for name, value in found.items() if value is not None and value != ""}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN, Infinity: no JSON


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise HttpError(400, "E_PARAMS", f"parameters are nested more than {MOST_DEPTH} deep.")
    if isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(part, depth - 1)
    elif isinstance(value, str) and not is_unicode(value):
        raise HttpError(400, "E_PARAMS", "parameters hold half a character (a lone surrogate), which no text can have.")
    elif isinstance(value, int | float) and not abs(value) <= MOST_MAGNITUDE:
        raise HttpError(400, "E_PARAMS", "parameters hold a number that is too large.")
