"""Which file holds the weights; needs no torch, whose import takes seconds that a wrong call need not wait."""

from pathlib import Path

from mammoseg.bundles import BUNDLES_FOLDER, run_root
from mammoseg.errors import MammosegError

DEMO_WEIGHTS = BUNDLES_FOLDER.parent / "demo" / "models" / "model.pt"
"""What `make demo` trains; they know phantoms only."""

DEMO_BUNDLE = "unet"
"""The network that these weights are of; no other can use them."""


class WeightsError(MammosegError):
    """Weights that are absent, unsafe, damaged, or do not belong to the network or the preprocessing at hand."""


def existing_weights(path: Path | str) -> Path:
    """`path`, where a file is.

    Raises:
        WeightsError: there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there are no weights at {path}; train the bundle first or name another file.")
    return path


def default_weights(bundle: str) -> Path:
    """Weights to use when none are named: those the bundle was trained to; for the demo's bundle else the demo's.

    Raises:
        WeightsError: there are neither.
        WrongCallError: there is no such bundle.
    """
    own = Path(run_root(bundle)) / "models" / "model.pt"
    is_of_demo = bundle == DEMO_BUNDLE
    for path in (own, DEMO_WEIGHTS) if is_of_demo else (own,):
        if path.is_file():
            return path
    demo = ", or run `make demo`" if is_of_demo else ""
    raise WeightsError(f"bundle '{bundle}' has no weights yet; train it, name a checkpoint with --weights{demo}.")
