"""What `make label` needs before anything starts: all that is missing is said at once, with how to get it."""

from importlib.util import find_spec
from pathlib import Path

from mammoseg.bundles import BUNDLES_FOLDER, locate_bundle
from mammoseg.checkpoints.weights_file import WeightsError, choose_default_weights
from mammoseg.errors import WrongCallError
from mammoseg.viewer.archive import check_installed
from mammoseg.viewer.show import OHIF

PAGE = BUNDLES_FOLDER.parent / "monailabel_app" / "annotate" / "built"
"""What `make annotate` builds."""

DEMO_WEIGHTS = BUNDLES_FOLDER.parent / "demo" / "models" / "model.pt"
"""What `make demo` trains; they know phantoms only."""


def choose_label_weights(bundle: str, weights: str | None, *, is_own: bool) -> Path:
    """The weights to serve, once nothing is missing; what one can go on without is printed.

    Args:
        bundle: bundle that the weights are of.
        weights: checkpoint that was named; None takes the demo's for phantoms, else what the bundle has.
        is_own: whether a folder is served, and not phantoms.
    Raises:
        WrongCallError: a bundle of no such name; or all that is missing, a line each.
    """
    locate_bundle(bundle)
    missing = []
    if not is_own:
        try:
            check_installed()
        except WrongCallError as error:
            missing.append(str(error))
    if find_spec("monailabel") is None:
        missing.append("The packages of the label server are not installed; `make label` installs them.")
    chosen = Path(weights) if weights else DEMO_WEIGHTS
    if is_own and not weights:
        try:
            chosen = choose_default_weights(bundle)
        except WeightsError as error:
            missing.append(str(error))
    elif not chosen.is_file():
        missing.append(f"{chosen} is not there; run `make demo` once, or name a checkpoint with --weights.")
    if missing:
        raise WrongCallError("\n".join(missing))
    if not PAGE.is_dir():
        print("The page to annotate is not built; `make annotate` builds it. Going on without it.")
    if not is_own and not OHIF.is_dir():
        print("The current OHIF, which shows saved masks, is not here; `make viewer` fetches it. Going on without it.")
    return chosen
