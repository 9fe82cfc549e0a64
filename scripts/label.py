"""Label mammograms on this machine: phantoms in an Orthanc, or a folder, the label server before it, and what to open.

Usage: python scripts/label.py [--folder FOLDER] [--weights FILE --bundle NAME] [--keep FOLDER], or make label [FOLDER=]
"""

import signal
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.checkpoints.weights_file import SHIPPED_BUNDLE
from mammoseg.command_line import run_script
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.files import check_folder
from mammoseg.program import find_free_port
from mammoseg.viewer.kept_labels import keep_labels
from mammoseg.viewer.label_needs import PAGE, choose_label_weights
from mammoseg.viewer.label_server import label_server
from mammoseg.viewer.label_sources import (
    check_listed,
    find_ended,
    open_own_folder,
    phantoms_in_archive,
    say_what_to_open,
)

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def label(
    weights: str | None = None,
    bundle: str | None = None,
    patients: int = 4,
    port: int = 8000,
    viewer_port: int = 8080,
    keep: str | None = None,
    folder: str | None = None,
) -> None:
    """Start all parts, say what to open, and end all parts at Ctrl-C, or when one of them ends.

    Args:
        weights: checkpoint; else the demo's for phantoms, and for a folder what the bundle was trained to or came with.
        bundle: bundle that the weights are of; else unet for phantoms, and for a folder the one that has weights.
        patients: phantoms, two views each.
        port: port of the label server, on 127.0.0.1; where it is taken, the next one.
        viewer_port: port of the current OHIF on 127.0.0.1, where `make viewer` fetched it; for phantoms only.
        keep: folder of labels and trained versions, there again at the next start; without it they end with this.
        folder: mammograms, DICOM or pictures, in place of phantoms; nothing is written into it.
    """
    kept = None if keep is None else Path(_require_name(keep, "keep")).resolve()
    own = None if folder is None else open_own_folder(Path(_require_name(folder, "folder")), kept)
    bundle = bundle or (SHIPPED_BUNDLE if own else "unet")
    if not isinstance(patients, int) or patients < 1:
        raise WrongCallError(f"patients is '{patients}'; give a whole number from 1 on.")
    if kept:
        check_folder(kept)
    served = f"{bundle}={choose_label_weights(bundle, weights, is_own=own is not None).resolve()}"
    for end in ENDS:  # also where a shell told us to ignore Ctrl-C
        signal.signal(end, _end)
    print(f"Starting the label server on {own.studies if own else 'phantoms in Orthanc'} ...", flush=True)
    with suppress(KeyboardInterrupt), ExitStack() as parts:
        port = find_free_port(port)
        temporary = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="mammoseg-label-")))
        state = (kept or temporary) / "state"
        source = own or parts.enter_context(phantoms_in_archive(temporary, patients, state, viewer_port))
        if kept:
            parts.callback(keep_labels, state, source.images, kept, bundle=bundle)  # once the server has ended
        server = parts.enter_context(label_server(source.studies, state, served, port=port))
        parts.callback(print, "\nEnding the label server and what it reads ...", flush=True)
        if own:
            check_listed(server.url, own.studies)
        print(say_what_to_open(server.url, source, bundle, page=PAGE.is_dir(), keep=kept), flush=True)
        while (ended := find_ended(source.studies, server.process)) is None:
            time.sleep(0.5)
        raise MammosegError(f"{ended} ended by itself; all else is ended too. What it said is above.")


def _require_name(folder: object, option: str) -> str:
    if not str(folder).strip():
        raise WrongCallError(f"{option} is empty; name a folder, --{option} FOLDER (make: {option.upper()}=FOLDER).")
    return str(folder)


def _end(*_: object) -> None:
    for end in ENDS:  # once is enough; what was started must be ended in peace
        signal.signal(end, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_script(label)
