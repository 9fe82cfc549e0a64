"""What `make label` opens: phantoms in an archive of their own, or a folder of mammograms."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mammoseg.counts import format_count
from mammoseg.data.find_images import find_inputs
from mammoseg.data.phantom import generate_cohort
from mammoseg.errors import WrongCallError
from mammoseg.program import find_free_port, request_here
from mammoseg.viewer.archive import LocalArchive, local_archive
from mammoseg.viewer.kept_labels import list_drawn_segmentations
from mammoseg.viewer.label_server import say_page
from mammoseg.viewer.server import ViewerServer, serving
from mammoseg.viewer.show import OHIF

SEED = 5
"""Of the phantoms: others than those that the demo trains with."""


@dataclass(frozen=True)
class LabelSource:
    """Where the mammograms are.

    Attributes:
        studies: archive, or folder.
        images: files that may be labelled.
        title: what there is, in a few words.
        pages: lines that say what to open beside the page to annotate, with {url} for the label server.
    """

    studies: LocalArchive | Path
    images: Sequence[Path]
    title: str
    pages: Sequence[str] = ()


@contextmanager
def phantoms_in_archive(folder: Path, patients: int, state: Path, viewer_port: int) -> Iterator[LabelSource]:
    """Phantoms in an archive, with what was drawn on them at an earlier start, and the current OHIF before it.

    Args:
        folder: folder that gets their files.
        patients: how many there are, two views each.
        state: state of the label server, where earlier labels may be.
        viewer_port: port from which OHIF takes a free one.

    Raises:
        MammosegError: the archive does not start.
    """
    with ExitStack() as parts:
        archive = parts.enter_context(local_archive())
        images = [folder / record["image"] for record in generate_cohort(folder, patients=patients, seed=SEED)]
        studies = [archive.store(path) for path in images]
        for path in list_drawn_segmentations(state):
            archive.store(path)
        panel = f"{{url}}/ohif/monai-label?StudyInstanceUIDs={studies[0]}&hangingProtocolId=default"
        pages = ["{url}/ohif/  study list of the OHIF that monailabel ships", f"{panel}  its MONAI Label panel"]
        if OHIF.is_dir():
            here = ViewerServer(OHIF, archive.url, user=archive.user, port=find_free_port(viewer_port))
            viewer = parts.enter_context(serving(here)).url
            pages.append(f"{viewer}/  study list of the current OHIF, which shows saved masks")
        count = f"{format_count(len(studies), 'mammogram')} of phantoms in {format_count(len(set(studies)), 'study')}"
        yield LabelSource(archive, images, count, pages)


def open_own_folder(folder: Path, keep: Path | None) -> LabelSource:
    """Mammograms that lie somewhere.

    Args:
        folder: folder of mammograms.
        keep: folder of the labels, where they are kept.

    Raises:
        WrongCallError: it is none, holds no image, or labels would be kept in it.
    """
    if not folder.is_dir():
        raise WrongCallError(f"'{folder}' is no folder; name one with mammograms, DICOM or pictures.")
    images, _ = find_inputs([folder])
    if not images:
        raise WrongCallError(f"there is no image in '{folder}'; name a folder with DICOM, PNG, TIFF or JPEG files.")
    if keep and keep.is_relative_to(folder.resolve()):
        raise WrongCallError(
            f"'{keep}' lies among the mammograms and would be listed with them; keep labels elsewhere."
        )
    return LabelSource(folder, images, f"{format_count(len(images), 'file')} in {folder}")


def check_listed(url: str, folder: Path) -> None:
    """See that a server lists a mammogram, unless it needs a login, as with a state that was kept.

    Args:
        url: root of its addresses.
        folder: folder of the images.

    Raises:
        WrongCallError: it lists none of the folder.
    """
    answer = request_here("get", f"{url}/info/", timeout=60)
    if answer.ok and not answer.json()["datastore"]["total"]:
        raise WrongCallError(f"no file in '{folder}' is a mammogram: a DICOM image of modality MG, or a picture.")


def find_ended(studies: LocalArchive | Path, server: subprocess.Popen[bytes]) -> str | None:
    """Which part ended; None while all run.

    Args:
        studies: archive, or folder, which does not end.
        server: process of the label server.
    """
    if server.poll() is not None:
        return "the label server"
    if isinstance(studies, Path):
        return None
    left = os.waitid(os.P_PID, studies.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return "Orthanc" if left is not None else None


def say_what_to_open(url: str, source: LabelSource, bundle: str, *, page: bool, keep: Path | None) -> str:
    """What to say once all runs.

    Args:
        url: root of the label server.
        source: mammograms that it serves.
        bundle: model that it serves.
        page: whether the page to annotate is built.
        keep: folder in which labels are kept; None where they end with the server.
    """
    kept = f"kept in {keep}" if keep else "gone with it, unless you name --keep FOLDER (make: KEEP=FOLDER)"
    lines = [
        f"{source.title}; model {bundle}. Open:",
        say_page(url, is_built=page),
        *(f"  {line.format(url=url)}" for line in source.pages),
        f"3D Slicer: extension MONAILabel, module MONAI Label, server {url}, then Next Sample.",
        f"docs/annotate.md and docs/label.md say what to click. Ctrl-C ends everything; the labels are {kept}.",
    ]
    return "\n".join(lines)
