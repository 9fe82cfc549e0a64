"""The label server in a process of its own, since the package never imports the app."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from mammoseg.errors import MammosegError
from mammoseg.program import running, wait_for_answer
from mammoseg.viewer.archive import LocalArchive

START_SECONDS = 300
"""Time that it may take to start; it imports MONAI and loads the weights."""

END_SECONDS = 20
"""Time that it may take to end."""


@dataclass(frozen=True)
class LabelServer:
    """A label server that answers.

    Attributes:
        url: root of its addresses.
        process: ends with the block that started it.
    """

    url: str
    process: Popen[bytes]


def say_page(url: str, *, is_built: bool) -> str:
    """Where masses are outlined, for a person who has just started the server at `url`."""
    return f"  {url}/annotate/  the page to annotate{'' if is_built else ', not built yet: run `make annotate`'}"


@contextmanager
def label_server(
    studies: str | Path | LocalArchive,
    state: Path,
    weights: str,
    *,
    port: int,
    environment: Mapping[str, str] | None = None,
) -> Iterator[LabelServer]:
    """Run the server with one model as long as the block lasts.

    Args:
        studies: folder, or archive.
        state: folder that gets all that the server keeps, its keys too.
        weights: weights to serve, each ``bundle=file``; none where it is empty.
        port: port on 127.0.0.1.
        environment: variables added to the environment of the server.

    Raises:
        MammosegError: it does not start.
    """
    own = {"XDG_CONFIG_HOME": str(state / "config"), **(environment or {})}
    if isinstance(studies, LocalArchive):
        own["MAMMOSEG_DICOMWEB_PASSWORD"] = studies.user[1]
        studies = studies.dicomweb
    command = [sys.executable, "-m", "monailabel_app", "--studies", str(studies), "--port", str(port), "-v", "WARNING"]
    conf = {"state_dir": str(state)}
    if weights:
        conf |= {"weights": weights, "models": weights.partition("=")[0], "preload": "true"}
    for pair in conf.items():
        command += ["--conf", *pair]
    url = f"http://127.0.0.1:{port}"
    with running(command, seconds=END_SECONDS, environment={**os.environ, **own}) as process:
        if not wait_for_answer(f"{url}/ready", process, seconds=START_SECONDS):
            raise MammosegError("the label server did not start; it says above why.")
        yield LabelServer(url, process)
