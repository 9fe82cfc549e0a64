"""Label mammograms on this machine: phantoms in an Orthanc, or a folder, the label server before it, and what to open.

Usage: python scripts/label.py [--folder FOLDER] [--weights FILE] [--bundle NAME] [--keep FOLDER]
       (or: make label [FOLDER=...] [KEEP=...])
"""

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import requests
from checkout import ROOT

from mammoseg.bundles import bundle_root
from mammoseg.checkpoints.weights_file import SHIPPED_BUNDLE, WeightsError, default_weights
from mammoseg.command_line import run_script
from mammoseg.counts import count_of
from mammoseg.data.find_images import find_inputs
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


@dataclass(frozen=True)
class Source:
    """Where the mammograms are.

    Attributes:
        studies: archive, or folder.
        images: all files that may be labelled.
        title: what there is, in a few words.
        pages: lines that say what to open beside the page to annotate, with {url} for the label server.
    """

    studies: LocalArchive | Path
    images: Sequence[Path]
    title: str
    pages: Sequence[str] = ()


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
    own = Path(str(folder)) if folder else None
    kept = Path(str(keep)).resolve() if keep else None
    bundle = bundle or (SHIPPED_BUNDLE if own else "unet")
    served = f"{bundle}={_check(weights, bundle, patients, kept, own).resolve()}"
    for end in ENDS:  # also where a shell told us to ignore Ctrl-C
        signal.signal(end, _end)
    print(
        f"Starting {f'the label server on {own}' if own else 'Orthanc, phantoms and the label server'} ...", flush=True
    )
    with suppress(KeyboardInterrupt), ExitStack() as parts:
        port = free_port(port)
        temporary = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="mammoseg-label-")))
        state = (kept or temporary) / "state"
        source = parts.enter_context(_folder(own) if own else _phantoms(temporary, patients, state, viewer_port))
        if kept:
            parts.callback(_keep, state, source.images, kept, bundle)  # once the server has ended
        server = parts.enter_context(label_server(source.studies, state, served, port=port))
        if own:
            _check_listed(server.url, own)
        print(_what_to_open(server.url, source, bundle, kept), flush=True)
        while (gone := _gone(source.studies, server.process)) is None:
            time.sleep(0.5)
        raise MammosegError(f"{gone} ended by itself; all else is ended too. What it said is above.")


@contextmanager
def _phantoms(folder: Path, patients: int, state: Path, viewer_port: int) -> Iterator[Source]:
    """Phantoms in an archive, with what was drawn on them at an earlier start, and the current OHIF before it."""
    with ExitStack() as parts:
        archive = parts.enter_context(local_archive())
        images = [folder / record["image"] for record in generate_cohort(folder, patients=patients, seed=SEED)]
        studies = [archive.store(path) for path in images]
        for path in drawn_segmentations(state):
            archive.store(path)
        panel = f"{{url}}/ohif/monai-label?StudyInstanceUIDs={studies[0]}&hangingProtocolId=default"
        pages = ["{url}/ohif/  study list of the OHIF that monailabel ships", f"{panel}  its MONAI Label panel"]
        if OHIF.is_dir():
            here = ViewerServer(OHIF, archive.url, user=archive.user, port=free_port(viewer_port))
            viewer = parts.enter_context(serving(here)).url
            pages.append(f"{viewer}/  study list of the current OHIF, which shows saved masks")
        count = f"{count_of(len(studies), 'mammogram')} of phantoms in {count_of(len(set(studies)), 'study')}"
        yield Source(archive, images, count, pages)


@contextmanager
def _folder(folder: Path) -> Iterator[Source]:
    """Mammograms that lie somewhere."""
    images, _ = find_inputs([folder])
    yield Source(folder, images, f"{count_of(len(images), 'file')} in {folder}")


def _check(weights: str | None, bundle: str, patients: int, keep: Path | None, folder: Path | None) -> Path:
    """Say what is named wrong, and all that is missing, and how to get it, before anything starts; the weights."""
    bundle_root(bundle)
    if not isinstance(patients, int) or patients < 1:
        raise WrongCallError(f"patients is '{patients}'; give a whole number from 1 on.")
    if keep:
        check_folder(keep)
    if folder:
        _check_own(folder, keep)
    missing = []
    if not folder:
        try:
            check_installed()
        except WrongCallError as error:
            missing.append(str(error))
    if find_spec("monailabel") is None:
        missing.append("The packages of the label server are not installed; `make label` installs them.")
    chosen = Path(weights) if weights else DEMO_WEIGHTS
    if folder and not weights:
        try:
            chosen = default_weights(bundle)
        except WeightsError as error:
            missing.append(str(error))
    elif not chosen.is_file():
        missing.append(f"{chosen} is not there; run `make demo` once, or name a checkpoint with --weights.")
    if missing:
        raise WrongCallError("\n".join(missing))
    if not PAGE.is_dir():
        print("The page to annotate is not built; `make annotate` builds it. Going on without it.")
    if not folder and not OHIF.is_dir():
        print("The current OHIF, which shows saved masks, is not here; `make viewer` fetches it. Going on without it.")
    return chosen


def _check_own(folder: Path, keep: Path | None) -> None:
    if not folder.is_dir():
        raise WrongCallError(f"'{folder}' is no folder; name one with mammograms, DICOM or pictures.")
    if not find_inputs([folder])[0]:
        raise WrongCallError(f"there is no image in '{folder}'; name a folder with DICOM, PNG, TIFF or JPEG files.")
    if keep and keep.is_relative_to(folder.resolve()):
        raise WrongCallError(
            f"'{keep}' lies among the mammograms and would be listed with them; keep labels elsewhere."
        )


def _check_listed(url: str, folder: Path) -> None:
    """See that the server found a mammogram; where a login is needed, as in a state that was kept, it is not asked."""
    answer = requests.get(f"{url}/info/", timeout=60)
    if answer.ok and not answer.json()["datastore"]["total"]:
        raise WrongCallError(f"no file in '{folder}' is a mammogram: a DICOM image of modality MG, or a picture.")


def _keep(state: Path, images: Sequence[Path], keep: Path, bundle: str) -> None:
    count = keep_labels(state, images, keep / "dataset")
    data = shlex.quote(str(keep / "data"))
    print(f"{count} labelled images are in {keep / 'dataset'}. To train on those of three patients or more:")
    print(f"  mammoseg ingest folder {shlex.quote(str(keep / 'dataset'))} --output {data}", end="")
    print(f" && mammoseg train {bundle} --dataset_dir {data} --batch_size 2", flush=True)


def _gone(studies: LocalArchive | Path, server: subprocess.Popen[bytes]) -> str | None:
    """Which part ended, None while all run."""
    if server.poll() is not None:
        return "the label server"
    if isinstance(studies, Path):
        return None
    left = os.waitid(os.P_PID, studies.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return "Orthanc" if left is not None else None


def _end(*_: object) -> None:
    for end in ENDS:  # once is enough; what was started must be ended in peace
        signal.signal(end, signal.SIG_IGN)
    raise KeyboardInterrupt


def _what_to_open(url: str, source: Source, bundle: str, keep: Path | None) -> str:
    page = "the page to annotate" if PAGE.is_dir() else "the page to annotate, not built yet: run `make annotate`"
    kept = f"kept in {keep}" if keep else "gone with it, unless you name --keep FOLDER"
    lines = [
        f"{source.title}; model {bundle}. Open:",
        f"  {url}/annotate/  {page}",
        *(f"  {line.format(url=url)}" for line in source.pages),
        f"3D Slicer: extension MONAILabel, module MONAI Label, server {url}, then Next Sample.",
        f"docs/annotate.md and docs/label.md say what to click. Ctrl-C ends everything; the labels are {kept}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(label)
