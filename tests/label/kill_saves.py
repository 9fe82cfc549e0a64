"""Servers to kill, forked quickly from one process: ``python -m tests.label.kill_saves STUDIES STATE UPLOADS``.

For each line of input there is a new one. It prints ``ready PID``, then image and id of each label that it saved, until
it is killed; then comes ``dead``.
"""

import os
import sys
import tempfile
from pathlib import Path

from monailabel_app.lib.datastore import open_datastore


def serve(studies: str, state: str, uploads: str) -> None:
    """Save the upload of each image, again and again."""
    store = open_datastore(studies, {}, Path(state))
    images = store.list_images()
    print("ready", os.getpid(), flush=True)
    while True:
        for image_id in images:
            label_id = store.save_label(image_id, f"{uploads}/{image_id}.nrrd", "final", {"user": "ada"})
            print(image_id, label_id, flush=True)


def warm_up(studies: str, uploads: str) -> None:
    """Save one label elsewhere, so that a fork saves at once and has not to load tables first."""
    with tempfile.TemporaryDirectory() as elsewhere:
        store = open_datastore(studies, {}, Path(elsewhere))
        image_id = store.list_images()[0]
        store.save_label(image_id, f"{uploads}/{image_id}.nrrd", "final", {})
        store.close()


if __name__ == "__main__":
    warm_up(sys.argv[1], sys.argv[3])
    for _ in sys.stdin:
        if (child := os.fork()) == 0:
            serve(*sys.argv[1:])
        os.waitpid(child, 0)
        print("dead", flush=True)
