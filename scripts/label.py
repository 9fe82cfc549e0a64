"""Label mammograms on this machine: phantoms in an Orthanc, the label server before it, and the addresses to open.

Usage: python scripts/label.py [--weights FILE] [--bundle unet] (or: make label)
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import fire
import requests

from mammoseg.data.phantom import generate_cohort
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.inference import DEMO_WEIGHTS
from mammoseg.program import running
from mammoseg.viewer.archive import Archive, local_archive
from mammoseg.viewer.server import ViewerServer, serving
from mammoseg.viewer.show import OHIF

REPOSITORY = Path(__file__).resolve().parent.parent

SEED = 5
"""Of the phantoms: others than those that the demo trains with."""

START_SECONDS = 300
"""Time that the server may take to start; it imports MONAI and loads the weights."""

END_SECONDS = 20
"""Time that it may take to end."""

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def label(
    weights: str = str(DEMO_WEIGHTS), bundle: str = "unet", patients: int = 4, port: int = 8000, viewer_port: int = 8080
) -> None:
    """Start all parts, say what to open, and end all parts at Ctrl-C, or when one of them ends; labels go with them.

    Args:
        weights: checkpoint; the demo's unless named.
        bundle: that the weights are of.
        patients: phantoms, two views each.
        port: of the label server, on 127.0.0.1; where it is taken, the next one.
        viewer_port: the same, of the current OHIF, where `make viewer` fetched it.
    """
    try:
        _label(Path(weights), bundle, patients, port, viewer_port)
    except MammosegError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _label(weights: Path, bundle: str, patients: int, port: int, viewer_port: int) -> None:
    if not weights.is_file():
        raise WrongCallError(f"{weights} is not there; run `make demo` once, or name a checkpoint with --weights.")
    for end in ENDS:  # also where a shell told us to ignore Ctrl-C
        signal.signal(end, _end)
    print(f"Starting Orthanc, {patients} phantom patients and the label server ...", flush=True)
    with suppress(KeyboardInterrupt), ExitStack() as parts:
        port = free_port(port)
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="mammoseg-label-")))
        archive = parts.enter_context(local_archive())
        records = generate_cohort(folder, patients=patients, seed=SEED)
        studies = [archive.store(folder / record["image"]) for record in records]
        server = parts.enter_context(label_server(archive, folder, f"{bundle}={weights.resolve()}", port))
        viewer = None
        if OHIF.is_dir():
            here = ViewerServer(OHIF, archive.url, user=archive.user, port=free_port(viewer_port))
            viewer = parts.enter_context(serving(here)).url
        print(_what_to_open(f"http://127.0.0.1:{port}", viewer, bundle, studies), flush=True)
        while (gone := _gone(archive, server)) is None:
            time.sleep(0.5)
        raise MammosegError(f"{gone} ended by itself; all else is ended too. What it said is above.")


def free_port(first: int) -> int:
    """`first`, or the next port that is free on 127.0.0.1; 0 stands for any.

    Raises:
        WrongCallError: it is none, or a hundred are taken.
    """
    if not isinstance(first, int) or not 0 <= first <= 65535:
        raise WrongCallError(f"port is '{first}'; give a number up to 65535.")
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, else it is busy after its end
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise WrongCallError(f"the ports from {first} on are taken; name others with --port and --viewer_port.")


@contextmanager
def label_server(archive: Archive, folder: Path, weights: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the label server in a process of its own as long as the block lasts.

    Args:
        folder: gets its state.
        weights: ``bundle=file``.

    Raises:
        MammosegError: it does not start.
    """
    user, password = archive.user
    address = archive.url.replace("//", f"//{user}@") + "/dicom-web"
    settings = {
        "weights": weights,
        "models": weights.partition("=")[0],
        "preload": "true",
        "state_dir": folder / "state",
    }
    command = [sys.executable, "-m", "monailabel_app", "--studies", address, "--port", str(port), "-v", "WARNING"]
    command += [str(part) for pair in settings.items() for part in ("--conf", *pair)]
    own = {"MAMMOSEG_DICOMWEB_PASSWORD": password, "XDG_CONFIG_HOME": str(folder / "config")}
    with running(command, seconds=END_SECONDS, folder=REPOSITORY, environment={**os.environ, **own}) as process:
        _wait_for(process, port)
        yield process


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(requests.ConnectionError):
            if requests.get(f"http://127.0.0.1:{port}/info/", timeout=30).ok and process.poll() is None:
                return
        time.sleep(0.3)
    raise MammosegError("the label server did not start; it says above why.")


def _gone(archive: Archive, server: subprocess.Popen[bytes]) -> str | None:
    """Which part ended, None while all run."""
    if server.poll() is not None:
        return "the label server"
    left = os.waitid(os.P_PID, archive.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return "Orthanc" if left is not None else None


def _end(*_: object) -> None:
    for end in ENDS:  # once is enough; what was started must be ended in peace
        signal.signal(end, signal.SIG_IGN)
    raise KeyboardInterrupt


def _what_to_open(url: str, viewer: str | None, bundle: str, studies: list[str]) -> str:
    lines = [
        f"{len(studies)} phantom mammograms in {len(set(studies))} studies; model {bundle}. Open:",
        f"  {url}/ohif/  study list of the OHIF that monailabel ships",
        f"  {url}/ohif/monai-label?StudyInstanceUIDs={studies[0]}&hangingProtocolId=default  its MONAI Label panel",
    ]
    if viewer:
        lines.append(f"  {viewer}/  study list of the current OHIF, which shows saved masks")
    return "\n".join(
        [
            *lines,
            f"3D Slicer: extension MONAILabel, module MONAI Label, server {url}, then Next Sample.",
            "docs/label.md says what to click. Ctrl-C ends everything, and the labels are gone with it.",
        ]
    )


if __name__ == "__main__":
    fire.Fire(label)
