"""JSON from clients: read with limits on length, depth and numbers; reserved keys refused, unknown ones left out."""

import json
import math
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Request

from monailabel_app.lib.errors import HttpError

MOST_CHARACTERS = 2**18
MOST_DEPTH = 12
MOST_MAGNITUDE = 2**53
"""Integers beyond it are no longer exact in JavaScript."""

RESERVED = frozenset({"model", "image", "images", "session", "session_id", "file", "method", "strategy", "user"})
"""What the address says, or the login; a parameter of the same name must not replace it."""

COMMON = frozenset(
    {"client_id", "device", "label_info", "logging", "restore_label_idx"}
    | {"result_compress", "result_dtype", "result_extension"}
)
"""What Slicer and OHIF send with every request."""


def json_object(text: str | bytes) -> dict[str, Any]:
    """Read an object.

    Raises:
        HttpError: 400; no JSON, no object, too long, too deep, or a number that is none.
    """
    if len(text) > MOST_CHARACTERS:
        raise HttpError(400, "E_PARAMS", f"parameters have more than {MOST_CHARACTERS} characters.")
    try:
        value = json.loads(text or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise HttpError(400, "E_PARAMS", "parameters are no JSON.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HttpError(400, "E_PARAMS", "parameters are no JSON object.")
    _check(value, MOST_DEPTH)
    return value


async def json_body(request: Request) -> dict[str, Any]:
    """Dependency of routes whose body is a JSON object, or empty."""
    return json_object(await request.body())


JsonBody = Annotated[dict[str, Any], Depends(json_body)]

JSON_BODY = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object", "title": "Params"}}}},
}
"""What the OpenAPI document says of `json_body`."""


def chosen(params: dict[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """The parameters that a task knows.

    Args:
        allowed: keys of its `config()`, or of the group of routes.

    Raises:
        HttpError: 400; a parameter would replace what the address or the login says.
    """
    known = COMMON.union(allowed)
    if taken := (RESERVED - known) & params.keys() - {"user"}:
        raise HttpError(400, "E_PARAMS", f"parameters cannot hold {', '.join(sorted(taken))}; the address says it.")
    return {key: value for key, value in params.items() if key in known}


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN, Infinity: no JSON


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise HttpError(400, "E_PARAMS", f"parameters are nested more than {MOST_DEPTH} deep.")
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _check(part, depth - 1)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= MOST_MAGNITUDE):
        raise HttpError(400, "E_PARAMS", "parameters hold a number that is too large.")
