"""Grammar of names that clients send: images, labels, tags, models, strategies; no other reaches a path or a URL."""

import re
from typing import Annotated

from pydantic import AfterValidator

from monailabel_app.lib.errors import BadValueError

IMAGE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){0,126}[A-Za-z0-9_-]?")
"""A SOP Instance UID, or the name of a file in the folder; no slash, no two dots in a row, none at either end."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Models, strategies, scoring methods."""

TICKET = re.compile(r"~([A-Za-z0-9_-]{43})\Z")
"""Stands behind the id that Slicer's module gets; it counts for the download alone, see `auth`."""

SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Of an image that a client sent for a while, see `image_sessions`."""

TAGS = ("final", "original")
"""``final`` is a person's label, ``original`` a model's."""


def is_image_id(value: str) -> bool:
    """Whether a value can be the id of an image or label."""
    return IMAGE.fullmatch(value) is not None and not value.endswith(".")


def is_unicode(text: str) -> bool:
    """Whether a text is whole: JSON and names of files can hold half a character, which no answer and no table can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_image_id(value: str) -> str:
    value = TICKET.sub("", value)
    if not is_image_id(value):
        raise BadValueError(
            "E_ID", "an image or label id has 1 to 128 letters, digits, '_', '-' and single dots inside."
        )
    return value


def _require_image_id_or_nothing(value: str) -> str:
    return value and _require_image_id(value)


def _require_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise BadValueError("E_ID", "a name of a model or method has 1 to 64 letters, digits, '_' and '-'.")
    return value


def _require_session_id(value: str) -> str:
    if not SESSION.fullmatch(value):
        raise BadValueError("E_ID", "the id of a session has 1 to 64 letters, digits, '_' and '-'.")
    return value


def _require_session_id_or_nothing(value: str) -> str:
    return value and _require_session_id(value)


def _require_tag(value: str) -> str:
    if value not in TAGS:
        raise BadValueError("E_TAG", f"the tag of a label is one of {', '.join(TAGS)}.")
    return value


ImageId = Annotated[str, AfterValidator(_require_image_id)]
ImageIdOrNothing = Annotated[str, AfterValidator(_require_image_id_or_nothing)]
SessionId = Annotated[str, AfterValidator(_require_session_id)]
SessionIdOrNothing = Annotated[str, AfterValidator(_require_session_id_or_nothing)]
Name = Annotated[str, AfterValidator(_require_name)]
Tag = Annotated[str, AfterValidator(_require_tag)]
