"""Whether what a checkpoint holds of an optimizer, a schedule or a log has the form of theirs, before they take it on.

PyTorch's own `load_state_dict` of a schedule sets whatever attributes a file names.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def has_same_form(saved: Any, own: Any) -> bool:
    """Whether both have the same keys and lengths all the way down, and the same kinds of values."""
    if isinstance(own, Counter):  # whose keys are values, such as the epochs of a schedule
        return isinstance(saved, Counter)
    if isinstance(own, dict):
        return (
            isinstance(saved, dict) and saved.keys() == own.keys() and all(has_same_form(saved[k], own[k]) for k in own)
        )
    if isinstance(own, list | tuple):
        return isinstance(saved, list | tuple) and len(saved) == len(own) and all(map(has_same_form, saved, own))
    if own is None:
        return not isinstance(saved, dict | list | tuple | Tensor)
    if isinstance(own, int | float):
        return isinstance(saved, int | float)
    return type(saved) is type(own)


def is_state_of(saved: Any, optimizer: Optimizer) -> bool:
    """Whether `saved` is a state of this optimizer: its settings, and tensors shaped as its parameters."""
    if not (isinstance(saved, dict) and saved.keys() == {"state", "param_groups"} and isinstance(saved["state"], dict)):
        return False
    parameters = dict(enumerate(p for group in optimizer.param_groups for p in group["params"]))
    return has_same_form(saved["param_groups"], optimizer.state_dict()["param_groups"]) and all(
        key in parameters and isinstance(found, dict) and _are_of(found, parameters[key])
        for key, found in saved["state"].items()
    )


def are_rows(saved: Any) -> bool:
    """Whether `saved` is a table of numbers by name."""
    return isinstance(saved, list) and all(
        isinstance(row, dict) and all(isinstance(k, str) and isinstance(v, int | float) for k, v in row.items())
        for row in saved
    )


def _are_of(found: Mapping[Any, Any], parameter: Tensor) -> bool:
    return all(
        isinstance(value, int | float) or (isinstance(value, Tensor) and value.shape in ((), parameter.shape))
        for value in found.values()
    )
