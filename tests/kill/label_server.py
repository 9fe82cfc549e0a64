"""Kill the label server within a save, a promotion or a training, and look what the next one has.

Usage: python -m tests.kill.label_server [--kills 100] [--trainings 10] [--seed 0]

`python -m monailabel_app` (forked from a process that has imported all, so that it starts in a second) serves a folder
of phantoms with a tiny network, and is asked over HTTP. It gets SIGKILL at a random moment of a request. The next one
must have every label that was acknowledged, pixel by pixel, and serve the version of before or after, whole.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import requests
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from mammoseg.command_line import run_script
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.files import hash_file
from monailabel_app.lib.models.versions import Versions
from tests.label.started_server import StartedServer, started_server
from tests.label.tiny_models import write_picture, write_weights

IMAGES = 8

LONGER = 1.2
"""Kills are spread over so many times the usual duration of the request; the last of them come after its answer."""


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
        conf = {"models": "unet", "device": "cpu", "weights": f"unet={write_weights(root / 'original.pt')}"}
        client = Client(root, make_studies(root), moment)
        interrupted: Counter[str] = Counter()
        seconds: dict[str, float] = {}
        for work in tqdm([None, *works, None], unit="server", disable=None):
            with started_server(str(root / "studies"), root, conf) as server:
                client.look(server.url)
                if work is not None:
                    if work != "train":
                        client.request[work](server.url)  # the first of its kind is slower
                    length = moment.uniform(0, LONGER * seconds[work])
                    interrupted[work] += killed_within(client.request[work], server, length)
                elif not seconds:
                    seconds = {kind: client.usual_seconds(kind, server.url) for kind in sorted({*works, "save"})}
    result = {
        "kills": Counter(works),
        "before_the_answer": interrupted,
        "usual_seconds": {kind: round(value, 3) for kind, value in seconds.items()},
        "labels_acknowledged": len(client.labels),
        "versions": len(client.versions),
        "problems": client.problems,
    }
    print(json.dumps(result))
    sys.exit(bool(client.problems))


def make_studies(root: Path) -> list[str]:
    """Phantoms of different patients, and two versions beside the one that is served; the ids of the images."""
    images = []
    for number in range(IMAGES):
        picture, _ = write_picture(root / "pictures" / f"{number}.png", seed=number)
        pixels = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
        path = root / "studies" / f"{number}.dcm"
        header = write_mammogram(path, pixels, patient_id=f"PHANTOM-{number}", study=str(number))
        images.append(str(header.SOPInstanceUID))
    versions = Versions(root / "state" / "models" / "unet", root / "original.pt")
    for seed in (1, 2):
        versions.add(write_weights(root / "other.pt", seed=seed), {}, promote=False, reason="kill test")
    return images


def killed_within(request: Callable[[str], None], server: StartedServer, seconds: float) -> bool:
    """Send a request, kill the server so long after, and say whether the answer was lost."""
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(request, server.url)
        time.sleep(seconds)
        server.process.kill()
        server.process.join()
        error = answer.exception()
    if error is not None and not isinstance(error, requests.ConnectionError | ChunkedEncodingError):
        raise error
    return error is not None


class Client:
    """Asks servers, one after the other, and remembers what they acknowledged.

    Attributes:
        labels: mask of each label by its id.
        newest: by image, masks of which one must be its newest label: several after a request without an answer.
        served: versions of which one must be served.
        before: what a rollback serves, where that is known.
    """

    def __init__(self, root: Path, images: list[str], chance: random.Random) -> None:
        self.root = root
        self.chance = chance
        self.request = {"save": self.save, "promote": self.promote, "train": self.train}
        self.labels: dict[str, np.ndarray] = {}
        self.newest: dict[str, list[np.ndarray]] = {image: [] for image in images}
        self.versions = {0, 1, 2}
        self.served = {0}
        self.before: int | None = None
        self.problems: list[str] = []

    def usual_seconds(self, kind: str, url: str) -> float:
        """Duration of a request, of a save after one for each image, which a training needs."""
        if kind == "save":
            for image in self.newest:
                self.save(url, image)
        begin = time.monotonic()
        self.request[kind](url)
        return time.monotonic() - begin

    def save(self, url: str, image: str | None = None) -> None:
        """Save a rectangle that no other label has."""
        image = image or self.chance.choice(list(self.newest))
        mask = np.zeros((64, 48), bool)
        top, left = self.chance.randrange(60), self.chance.randrange(44)
        mask[top : self.chance.randrange(top + 1, 65), left : self.chance.randrange(left + 1, 49)] = True
        self.newest[image].append(mask)
        upload = {"label": ("label.png", cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())}
        said = _json(requests.put(f"{url}/datastore/label", params={"image": image}, files=upload, timeout=60))
        self.labels[said["label"]] = mask
        self.newest[image] = [mask]

    def promote(self, url: str) -> None:
        """Serve another version, or roll back where it is known to which."""
        current, before = self._history(url)["current"], self.before
        is_rollback = before is not None and self.chance.random() < 0.5
        target = before if is_rollback else self.chance.choice(sorted(self.versions - {current}))
        self.before, self.served = None, {current, target}
        what = "rollback" if is_rollback else f"promote?version={target}"
        self.served = {_json(requests.post(f"{url}/train/unet/{what}", timeout=60))["current"]}
        self.before = None if is_rollback else current

    def train(self, url: str) -> None:
        """Train to the end."""
        options = {"max_epochs": 1, "min_held_out": 1, "tolerance": 1.0}
        self.before = None
        self.served.add(max(self.versions) + 1)
        _json(requests.post(f"{url}/train/unet", json=options, timeout=60))
        while (job := _json(requests.get(f"{url}/train/", timeout=60)))["status"] in ("SUBMITTED", "RUNNING"):
            time.sleep(0.02)
        self.versions.add(job["result"]["version"])
        self.served = {job["result"]["version"]}

    def look(self, url: str) -> None:
        """Compare what a new server has with what was acknowledged."""
        for label, mask in self.labels.items():
            if not np.array_equal(self._mask(url, label), mask):
                self.problems.append(f"label {label} is lost")
        for image, masks in self.newest.items():
            if masks:
                newest = self._mask(url, image)
                if not any(np.array_equal(newest, mask) for mask in masks):
                    self.problems.append(f"the newest label of {image} was never drawn")
                self.newest[image] = [newest]
        history = self._history(url)
        kept, served = set(map(int, history["versions"])), history["current"]
        self.problems += [f"version {number} is lost" for number in self.versions - kept]
        if served not in self.served:
            self.problems.append(f"version {served} is served, none of {self.served}")
        image = next(iter(self.newest))
        said = _json(requests.post(f"{url}/infer/unet?image={image}&output=json", timeout=60))
        sha256 = history["versions"][str(served)].get("sha256") or hash_file(self.root / "original.pt")
        if (said["version"], said["weights_sha256"]) != (served, sha256):
            self.problems.append(f"version {said['version']} answers, {served} is served")
        self.versions, self.served = kept, {served}

    def _mask(self, url: str, label: str) -> np.ndarray:
        """A label, or the newest one of an image; empty where the server has none that it can give."""
        answer = requests.get(f"{url}/datastore/label", params={"label": label, "tag": "final"}, timeout=60)
        if not answer.ok:
            return np.zeros(0, bool)
        path = self.root / "label.nii.gz"
        path.write_bytes(answer.content)
        return read_mask(path) > 0

    def _history(self, url: str) -> dict[str, Any]:
        return _json(requests.get(f"{url}/train/unet/versions", timeout=60))


def _json(answer: requests.Response) -> dict[str, Any]:
    answer.raise_for_status()
    return answer.json()


if __name__ == "__main__":
    run_script(kill_label_server)
