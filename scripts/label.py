"""Label mammograms on this machine: phantoms in an Orthanc, the label server before it, and the addresses to open.

Usage: python scripts/label.py [--weights FILE] [--bundle unet] [--keep FOLDER] (or: make label [KEEP=FOLDER])
"""

import os
import shlex
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path

from checkout import ROOT

from mammoseg.bundles import bundle_root
from mammoseg.command_line import run_script
from mammoseg.counts import count_of
from mammoseg.data.phantom import generate_cohort
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.files import check_folder
from mammoseg.program import free_port
from mammoseg.viewer.archive import LocalArchive, check_installed, local_archive
from mammoseg.viewer.kept_labels import drawn_segmentations, keep_labels
from mammoseg.viewer.label_server import label_server
from mammoseg.viewer.server import ViewerServer, serving
from mammoseg.viewer.show import OHIF

PAGE = ROOT / "monailabel_app" / "annotate" / "built"
"""What `make annotate` builds."""

DEMO_WEIGHTS = ROOT / "demo" / "models" / "model.pt"
"""What `make demo` trains; they know phantoms only."""

SEED = 5
"""Of the phantoms: others than those that the demo trains with."""

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def label(
    weights: str = str(DEMO_WEIGHTS),
    bundle: str = "unet",
    patients: int = 4,
    port: int = 8000,
    viewer_port: int = 8080,
    keep: str | None = None,
) -> None:
    """Start all parts, say what to open, and end all parts at Ctrl-C, or when one of them ends.

    Args:
        weights: checkpoint; the demo's unless named.
        bundle: bundle that the weights are of.
        patients: phantoms, two views each.
        port: port of the label server, on 127.0.0.1; where it is taken, the next one.
        viewer_port: port of the current OHIF on 127.0.0.1, where `make viewer` fetched it.
        keep: folder of labels and trained versions, there again at the next start; without it they end with this.
    """
    _check(Path(weights), bundle, patients, keep)
    for end in ENDS:  # also where a shell told us to ignore Ctrl-C
        signal.signal(end, _end)
    print(f"Starting Orthanc, {patients} phantom patients and the label server ...", flush=True)
    with suppress(KeyboardInterrupt), ExitStack() as parts:
        port = free_port(port)
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="mammoseg-label-")))
        kept = Path(str(keep)).resolve() if keep else None
        state = (kept or folder) / "state"
        archive = parts.enter_context(local_archive())
        images = [folder / record["image"] for record in generate_cohort(folder, patients=patients, seed=SEED)]
        studies = [archive.store(path) for path in images]
        for path in drawn_segmentations(state):
            archive.store(path)
        if kept:
            parts.callback(_keep, state, images, kept, bundle)  # once the server has ended
        server = parts.enter_context(label_server(archive, state, f"{bundle}={Path(weights).resolve()}", port=port))
        viewer = None
        if OHIF.is_dir():
            here = ViewerServer(OHIF, archive.url, user=archive.user, port=free_port(viewer_port))
            viewer = parts.enter_context(serving(here)).url
        print(_what_to_open(server.url, viewer, bundle, studies, kept), flush=True)
        while (gone := _gone(archive, server.process)) is None:
            time.sleep(0.5)
        raise MammosegError(f"{gone} ended by itself; all else is ended too. What it said is above.")


def _check(weights: Path, bundle: str, patients: int, keep: str | None) -> None:
    """Say what is named wrong, and all that is missing, and how to get it, before anything starts."""
    bundle_root(bundle)
    if not isinstance(patients, int) or patients < 1:
        raise WrongCallError(f"patients is '{patients}'; give a whole number from 1 on.")
    if keep:
        check_folder(Path(str(keep)))
    missing = []
    try:
        check_installed()
    except WrongCallError as error:
        missing.append(str(error))
    if find_spec("monailabel") is None:
        missing.append("The packages of the label server are not installed; `make label` installs them.")
    if not weights.is_file():
        missing.append(f"{weights} is not there; run `make demo` once, or name a checkpoint with --weights.")
    if missing:
        raise WrongCallError("\n".join(missing))
    if not OHIF.is_dir():
        print("The current OHIF, which shows saved masks, is not here; `make viewer` fetches it. Going on without it.")


def _keep(state: Path, images: list[Path], keep: Path, bundle: str) -> None:
    count = keep_labels(state, images, keep / "dataset")
    data = shlex.quote(str(keep / "data"))
    print(f"{count} labelled images are in {keep / 'dataset'}. To train on those of three patients or more:")
    print(f"  mammoseg ingest folder {shlex.quote(str(keep / 'dataset'))} --output {data}", end="")
    print(f" && mammoseg train {bundle} --dataset_dir {data} --batch_size 2", flush=True)


def _gone(archive: LocalArchive, server: subprocess.Popen[bytes]) -> str | None:
    """Which part ended, None while all run."""
    if server.poll() is not None:
        return "the label server"
    left = os.waitid(os.P_PID, archive.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return "Orthanc" if left is not None else None


def _end(*_: object) -> None:
    for end in ENDS:  # once is enough; what was started must be ended in peace
        signal.signal(end, signal.SIG_IGN)
    raise KeyboardInterrupt


def _what_to_open(url: str, viewer: str | None, bundle: str, studies: list[str], keep: Path | None) -> str:
    lines = [
        f"{count_of(len(studies), 'mammogram')} of phantoms in {count_of(len(set(studies)), 'study')}; "
        f"model {bundle}. Open:",
        f"  {url}/annotate/  the page to annotate{'' if PAGE.is_dir() else ', not built yet: run `make annotate`'}",
        f"  {url}/ohif/  study list of the OHIF that monailabel ships",
        f"  {url}/ohif/monai-label?StudyInstanceUIDs={studies[0]}&hangingProtocolId=default  its MONAI Label panel",
        *([f"  {viewer}/  study list of the current OHIF, which shows saved masks"] if viewer else []),
    ]
    kept = f"kept in {keep}" if keep else "gone with it, unless you name --keep FOLDER"
    lines += [
        f"3D Slicer: extension MONAILabel, module MONAI Label, server {url}, then Next Sample.",
        f"docs/label.md says what to click. Ctrl-C ends everything; the labels are {kept}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(label)
