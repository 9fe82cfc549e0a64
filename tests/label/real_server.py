"""A label server in a thread of the test: the whole one, with a model that is right by construction, or any."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydicom.dataset import FileDataset

from mammoseg.data.phantom_dicom import write_mammogram
from monailabel_app.__main__ import APP_DIR
from monailabel_app.lib.server.server import build
from monailabel_app.lib.settings import ServerSettings
from monailabel_app.main import MammosegApp

START_SECONDS = 60


@contextmanager
def running_server(studies: str, state: Path, **conf: str) -> Iterator[str]:
    """Serve `studies` on a free port of 127.0.0.1 and give the address; the end of the block ends the server.

    With torch, for which no weights are converted.
    """
    conf = {"state_dir": str(state), "models": "unet", "device": "cpu", "runtime": "torch", **conf}
    label_app = MammosegApp(str(APP_DIR), studies, conf)
    with serving(build(label_app, ServerSettings.from_conf(conf))) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Run a server in a thread of this process and give its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        assert server.started
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def write_marked(
    path: Path, shape: tuple[int, int] = (300, 240), *, laterality: str = "R", view: str = "CC", patient: str = "MARKED"
) -> tuple[FileDataset, np.ndarray]:
    """A grey breast with one bright mark, which no turn or flip leaves as it is; and the mark as a mask."""
    mark = np.zeros(shape, bool)
    mark[40:100, 60:140] = True
    mark[100:160, 60:80] = True
    pixels = np.zeros(shape, int)
    pixels[5:-5, 5 : -shape[1] // 6] = 1200
    pixels += np.where(mark, 2400, 300 + np.arange(shape[1]) % 50)
    return write_mammogram(path, pixels, laterality=laterality, view=view, patient_id=patient), mark
