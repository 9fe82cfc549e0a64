"""Kill what the label server does at random moments, and look that no label is lost and a model is always served.

Usage: python scripts/kill_label_server.py [--kills 100] [--trainings 10] [--seed 0]

Each server saves labels to a folder of phantoms, adds and promotes versions, or trains (a tiny network, in a process of
its own as the server does), until it gets SIGKILL. After each kill another process looks at everything from anew.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import fire
import numpy as np
from tqdm import trange

sys.path.insert(0, str(Path(__file__).parents[1]))  # neither the app nor `tests` is part of the package

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.inference import Predictor
from monailabel_app.lib.datastore import open_datastore
from monailabel_app.lib.datastore.integrity import lost_labels
from monailabel_app.lib.models import ModelEntry
from monailabel_app.lib.serving import ServedModel
from monailabel_app.lib.train import MassTrainTask
from monailabel_app.lib.versions import Versions
from tests.label.tiny_models import write_picture, write_weights

IMAGES = 8
SECONDS = {"save": 4.0, "promote": 0.3, "train": 25.0}
"""A kill comes at a random moment of this time after a server is ready."""


def kill_label_server(kills: int = 100, trainings: int = 10, seed: int = 0) -> None:
    """Print counts as JSON; exit code 1 if anything is lost.

    Args:
        kills: SIGKILLs in all.
        trainings: of them in a training; the others alternate between saves and promotions.
    """
    moment = random.Random(seed)
    works = ["train"] * trainings + [("save", "promote")[number % 2] for number in range(kills - trainings)]
    moment.shuffle(works)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ["XDG_CONFIG_HOME"] = str(root / "config")  # the key of the patients' codes
        make_studies(root)
        saved: set[str] = set()
        versions: set[int] = set()
        problems: list[str] = []
        for number in trange(kills, unit="kill", disable=None):
            said = run_and_kill(root, works[number], moment.uniform(0, SECONDS[works[number]]))
            saved |= {word for kind, word in said if kind == "saved"}
            versions |= {int(word) for kind, word in said if kind == "version"}
            problems += in_a_fork(partial(look, root, sorted(saved), sorted(versions)))
    counts = {work: works.count(work) for work in SECONDS}
    result = {"kills": counts, "labels_saved": len(saved), "versions_kept": len(versions), "problems": problems}
    print(json.dumps(result))
    sys.exit(bool(problems))


def make_studies(root: Path) -> None:
    """Phantoms of different patients, an upload for each, and weights."""
    for number in range(IMAGES):
        picture, mask = write_picture(root / "pictures" / f"{number}.png", seed=number)
        pixels = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
        header = write_mammogram(
            root / "studies" / f"{number}.dcm", pixels, patient_id=f"PHANTOM-{number}", study=str(number)
        )
        (root / "uploads").mkdir(exist_ok=True)
        cv2.imwrite(str(root / "uploads" / f"{header.SOPInstanceUID}.png"), mask.astype(np.uint8) * 255)
    write_weights(root / "original.pt")
    write_weights(root / "other.pt", seed=1)


def run_and_kill(root: Path, work: str, seconds: float) -> list[list[str]]:
    """Fork a server, kill it so long after it is ready, and return what it said was done."""
    log = root / "said"
    log.unlink(missing_ok=True)
    if (child := os.fork()) == 0:
        try:
            serve(root, work, log)
        finally:
            os._exit(1)
    while not log.is_file():
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return [line.split() for line in log.read_text().splitlines() if len(line.split()) == 2]


def serve(root: Path, work: str, log: Path) -> None:
    """Do one kind of work for ever, and note what is done."""
    store = open_datastore(str(root / "studies"), {}, root / "state")
    model = served_model(root)
    note(log, "ready", "now")
    while True:
        match work:
            case "save":
                for image_id in store.list_images():
                    upload = str(root / "uploads" / f"{image_id}.png")
                    note(log, "saved", store.save_label(image_id, upload, "final", {"user": "ada"}))
            case "promote":
                version = model.versions.add(root / "other.pt", {"labels": {}}, promote=True, reason="kill test")
                note(log, "version", str(version.number))
                model.versions.roll_back()
            case _:
                for image_id in store.get_unlabeled_images():
                    store.save_label(image_id, str(root / "uploads" / f"{image_id}.png"), "final", {})
                options = {"max_epochs": 2, "min_held_out": 1, "tolerance": 1.0}
                said = MassTrainTask(model, root / "state")(options, store)
                note(log, "version", str(said["version"]))


def look(root: Path, saved: list[str], versions: list[int]) -> list[str]:
    """What is wrong, as a server that starts now finds it."""
    store = open_datastore(str(root / "studies"), {}, root / "state")
    problems = [f"label {label} is lost" for label in lost_labels(store, saved)]
    store.close()
    model = served_model(root)
    known = set(model.versions.numbers())
    problems += [f"version {number} is lost" for number in versions if number not in known]
    served = model.versions.current()
    if served is None:
        return [*problems, "no version is served"]
    served.check()
    Predictor("unet", weights=served.weights, device="cpu")
    return problems


def in_a_fork(function: Callable[[], list[str]]) -> list[str]:
    """What `function` returns in a process of its own, as after a restart; what it raises is a problem too."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            answer = function()
        except BaseException as error:
            answer = [f"{type(error).__name__}: {error}"]
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = json.loads(pipe.read() or b'["the look died"]')
    os.waitpid(child, 0)
    return answer


def served_model(root: Path) -> ServedModel:
    """The model of the server."""
    original = root / "original.pt"
    versions = Versions(root / "state" / "models" / "unet", original)
    return ServedModel(ModelEntry("unet", original, "UNet", "0"), versions, device="cpu")


def note(log: Path, what: str, word: str) -> None:
    """Say that something is done; a line is written in one step."""
    with log.open("a") as file:
        file.write(f"{what} {word}\n")


if __name__ == "__main__":
    fire.Fire(kill_label_server)
