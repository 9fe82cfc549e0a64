"""What all networks have in common: a record of how they were built, and a check of the input size."""

import functools
import inspect
from typing import Any

from torch import Tensor, nn

from mammoseg.errors import WrongCallError

ARCHITECTURE = "architecture"
"""Key of `Network.config` that names the class; no constructor has an argument of that name."""


class Network(nn.Module):
    """Base of every architecture; its subclasses return logits ``(N, out_channels, H, W)``.

    Attributes:
        config: name of the class and all arguments as JSON values; `mammoseg.networks.build_network` builds this very
            network again. Checkpoints carry it, so that weights of a width-reduced network are never loaded into a full
            one. `encoder_weights` is None in it, because a checkpoint brings its own.
        size_divisor: both sides of the input have to be divisible by it.
    """

    config: dict[str, Any]
    size_divisor: int = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        build = cls.__init__

        @functools.wraps(build)
        def record_and_build(self: "Network", *args: Any, **arguments: Any) -> None:
            if type(self) is cls:
                bound = inspect.signature(build).bind(self, *args, **arguments)
                bound.apply_defaults()
                named = dict(list(bound.arguments.items())[1:])
                plain = {name: list(value) if isinstance(value, tuple) else value for name, value in named.items()}
                if "encoder_weights" in plain:
                    plain["encoder_weights"] = None
                object.__setattr__(self, "config", {ARCHITECTURE: cls.__name__, **plain})
            build(self, *args, **arguments)

        cls.__init__ = record_and_build  # type: ignore[assignment]  # wraps the constructor it replaces

    def check_size(self, image: Tensor) -> None:
        """Refuse an image whose sides this network cannot halve often enough.

        Raises:
            WrongCallError: naming the size and the nearest larger one that fits.
        """
        height, width = image.shape[-2:]
        step = self.size_divisor
        if height % step or width % step:
            fits = f"{-(-height // step) * step} x {-(-width // step) * step}"
            raise WrongCallError(
                f"image is {height} x {width}, both sides must be divisible by {step} for {type(self).__name__}; "
                f"pad it to {fits}."
            )
