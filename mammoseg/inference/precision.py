"""In which precision the network computes: the option ``precision`` of training and evaluation."""

import torch
from monai.inferers import SimpleInferer

from mammoseg.errors import WrongCallError, make_unknown_name_error
from mammoseg.inference.bfloat16 import computes_bfloat16
from mammoseg.inference.bfloat16_inferer import Bfloat16Inferer

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
"""Of the network's pass; weights, loss and optimizer are float32 in all of them."""


def choose_precision(precision: str, *, device: torch.device) -> str:
    """What a device can do: ``"auto"`` is bfloat16 where the device computes it, else float16 on a card, else float32.

    Args:
        precision: one of `PRECISIONS`.
    Raises:
        WrongCallError: an unknown precision, or one that the device does not compute.

    Examples:
        >>> import torch
        >>> from mammoseg.inference.precision import choose_precision
        >>> choose_precision("float32", device=torch.device("cpu"))
        'float32'
    """
    if precision not in PRECISIONS:
        raise make_unknown_name_error("precision", precision, PRECISIONS)
    has = {"float32": True, "bfloat16": computes_bfloat16(device.type), "float16": device.type == "cuda"}
    if precision == "auto":
        return next(name for name in ("bfloat16", "float16", "float32") if has[name])
    if not has[precision]:
        raise WrongCallError(f"device '{device}' does not compute in {precision}; take auto or float32.")
    return precision


def build_inferer(precision: str) -> SimpleInferer:
    """The inferer of a chosen precision; float16 has the plain one, as MONAI's ``amp`` casts, and scales gradients."""
    return Bfloat16Inferer() if precision == "bfloat16" else SimpleInferer()
