"""What a client says of the values in its label file: MONAI Label's ``label_info``."""

from collections.abc import Mapping
from typing import Any

from mammoseg.errors import InputRefusedError
from mammoseg.mass_names import says_mass

MOST_VALUES = 1000


def parse_mass_values(params: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Values that are mass, and values that are something else, by ``{"label_info": [{"name", "idx"}]}``.

    Where no name speaks of a mass, as with a tool's own "Segment_1", all of them are. Both are empty where nothing is
    said.

    Raises:
        InputRefusedError: ``E_LABEL``: it has another form.
    """
    said = params.get("label_info") or []
    try:
        if len(said) > MOST_VALUES:
            raise ValueError("too many")
        names = {int(item["idx"]): str(item.get("name", "")) for item in said if int(item["idx"]) > 0}
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        reason = f'label_info must be a list of at most {MOST_VALUES}, such as [{{"name": "mass", "idx": 1}}].'
        raise InputRefusedError("E_LABEL", reason) from None
    masses = tuple(value for value, name in names.items() if says_mass(name))
    if not masses:
        return tuple(names), ()
    return masses, tuple(value for value in names if value not in masses)
