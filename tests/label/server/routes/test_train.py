"""A training over HTTP, from labels that were saved to a version that is served and taken back."""

import time
from pathlib import Path

import cv2
import numpy as np
import requests

from mammoseg.data.phantom_dicom import write_mammogram
from tests.label.real_server import running_server
from tests.label.tiny_models import write_picture, write_weights

SECONDS = 300


def save(url: str, studies: Path, seed: int) -> None:
    """Add a phantom of a new patient, and save its mass as a person's label."""
    picture, mask = write_picture(studies.parent / f"{seed}.png", seed=seed)
    pixels = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
    path = studies.parent / f"{seed}.dcm"
    write_mammogram(path, pixels, patient_id=f"CANARY-{seed}", study=str(seed))
    upload = {"file": (path.name, path.read_bytes())}
    image = requests.put(f"{url}/datastore/image", files=upload, timeout=60).json()["image"]
    files = {"label": ("mask.png", cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())}
    assert requests.put(f"{url}/datastore/label", params={"image": image}, files=files, timeout=60).ok


def test_a_training_from_the_first_label_to_the_rollback(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "studies").mkdir()
    weights = write_weights(tmp_path / "w.pt")
    options = {"max_epochs": 2, "min_held_out": 1, "tolerance": 1.0}
    with running_server(str(tmp_path / "studies"), tmp_path / "state", weights=f"unet={weights}") as url:
        for seed in range(3):
            save(url, tmp_path / "studies", seed)
        refused = requests.post(f"{url}/train/unet", json=options, timeout=60)
        assert refused.status_code == 409 and "at least one each and 2 for training" in refused.json()["detail"]
        assert requests.get(f"{url}/train/", timeout=60).status_code == 404
        for seed in range(3, 8):
            save(url, tmp_path / "studies", seed)
        assert requests.post(f"{url}/train/unet", json=options, timeout=60).json()["status"] in ("SUBMITTED", "RUNNING")
        epochs = []
        deadline = time.monotonic() + SECONDS
        while (job := requests.get(f"{url}/train/", timeout=60).json())["status"] in ("SUBMITTED", "RUNNING"):
            assert time.monotonic() < deadline
            epochs.append(job["stats"].get("epoch", 0))
            time.sleep(0.1)
        assert job["status"] == "DONE" and epochs == sorted(epochs)
        assert [row["epoch"] for row in job["stats"]["curve"]] == [1, 2]
        assert job["result"]["promoted"] and "not worse (tolerance 1)" in job["result"]["reason"]
        assert requests.get(f"{url}/train/unet/curve", timeout=60).content.startswith(b"\x89PNG")
        history = requests.get(f"{url}/train/unet/versions", timeout=60).json()
        assert (history["current"], history["events"][-1]["reason"]) == (1, job["result"]["reason"])
        image = requests.post(f"{url}/activelearning/first", timeout=60).json()
        assert image == {}, "all are labelled"
        assert requests.post(f"{url}/train/unet/rollback", timeout=60).json() == {"current": 0}
        assert requests.get(f"{url}/train/unet/versions", timeout=60).json()["current"] == 0
