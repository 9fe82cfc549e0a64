"""Arguments of a config's components that say what runs: they must be written out, and known."""

from collections.abc import Iterator, Mapping
from typing import Any

from mammoseg.audit.allowed import FIXED, LOOKED_UP, NAME, UNSET, has_deciding_argument, is_allowed, is_reader


def find_faults_in_component(component: Mapping[str, Any], *, merged: bool) -> Iterator[str]:
    """What speaks against a mapping in itself: what it makes, and how.

    Args:
        merged: whether it is put into another mapping, of which only MONAI knows what stands there.
    """
    target, mode = component.get("_target_"), component.get("_mode_", "default")
    has_names = isinstance(target, str) and has_deciding_argument(target)
    if mode != "default" and (mode != "callable" or not isinstance(target, str) or has_names):
        yield "is not made at once, but left to whoever calls it"
    if merged and has_names:
        yield f"makes {target} of arguments that stand elsewhere"


def find_faults_in_argument(path: list[str], value: Any) -> Iterator[str]:
    """What speaks against a value by the argument that it is given to.

    Args:
        path: the key, in its parts where it overrides an entry of another config, ``["train", "lr"]``.
    """
    *above, name = path
    if name == "_mode_" and above and value != "default":
        yield "changes how something is made that stands elsewhere"
    if name == "_target_" and above and isinstance(value, str) and has_deciding_argument(value):
        yield f"makes {value} of arguments that stand elsewhere"
    while name.isdecimal() and above:  # item of a list
        *above, name = above
    if name in LOOKED_UP and not _is_known(value):
        yield f"gives {name} what is no name of a known class"
    elif name in FIXED and value is not FIXED[name]:
        yield f"sets {name}, which lets pickles in"
    elif name in UNSET and value not in (None, {}):
        yield f"sets {name}, which says what runs"
    elif deciding := {*LOOKED_UP, *FIXED, *UNSET}.intersection(above):
        if path[-2] not in LOOKED_UP or name != "_target_" or not _is_known({name: value}):
            yield f"changes {min(deciding)}, which says what runs"


def _is_known(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(one, list) and _is_known(one) for one in value)
    if isinstance(value, dict):
        target = value.get("_target_")
        return isinstance(target, str) and is_allowed(target) and target.rpartition(".")[2][:1].isupper()
    return value is None or (
        isinstance(value, str) and NAME.fullmatch(value) is not None and (is_reader(value) or is_allowed(value))
    )
