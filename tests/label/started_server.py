"""`python -m monailabel_app` in a process of its own, forked from one that has imported all: a start in a second."""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import requests

from mammoseg.program import find_free_port
from monailabel_app.__main__ import main

ROOT = str(Path(__file__).resolve().parents[2])
START_SECONDS = 120

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["monailabel_app.main", "monailabel_app.lib.server.server", "uvicorn", __name__])


@dataclass(frozen=True)
class StartedServer:
    """A server that is ready."""

    url: str
    process: ForkServerProcess


@contextmanager
def started_server(studies: str, folder: Path, conf: Mapping[str, str]) -> Iterator[StartedServer]:
    """Serve `studies` with state and log in `folder` until the block ends."""
    os.environ["PYTHONPATH"] = ROOT  # of the process that imports
    port = find_free_port()
    arguments = ["--studies", studies, "--port", str(port)]
    for pair in {"state_dir": str(folder / "state"), **conf}.items():
        arguments += ["--conf", *pair]
    process = FORKING.Process(target=_serve, args=(arguments, folder / "log"))
    process.start()
    server = StartedServer(f"http://127.0.0.1:{port}", process)
    try:
        _wait(server, folder / "log")
        yield server
    finally:
        process.terminate()
        process.join()


def _serve(arguments: list[str], log: Path) -> None:
    with log.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(main(arguments))


def _wait(server: StartedServer, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and (server.process.is_alive() or not log.is_file()):
        with suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(f"{server.url}/ready", timeout=5).ok:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text())
