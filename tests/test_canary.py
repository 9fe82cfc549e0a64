"""Nothing that names the patient comes out of any command, but in DICOM results, which belong to the patient."""

import contextlib
import io
import logging
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import requests
from PIL import Image

from mammoseg.archives.send import send
from mammoseg.data.ingest import ingest
from mammoseg.deidentification.deidentify import deidentify
from mammoseg.deploy.export import export
from mammoseg.errors import MammosegError
from mammoseg.evaluation.compare import compare
from mammoseg.evaluation.run_report import report
from mammoseg.prediction.options import ObjectKind, Options
from mammoseg.prediction.predict import predict
from mammoseg.prediction.run import Workers
from mammoseg.training.workflow import evaluate, train
from mammoseg.viewer import show
from tests.canary import MARK, MARK_UID, marks_in, write_canary
from tests.hostile.case import bright_disc
from tests.hostile.run import BrightIsMass
from tests.orthanc import instances_in, orthanc, running_orthanc
from tests.run_predictor import run_predictor
from tests.tiny_run import tiny_overrides
from tests.waiting import PATIENCE_SECONDS

__all__ = ["orthanc", "running_orthanc"]

PATIENTS = 4


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Mammograms of four patients with their masks beside them, and broken ones in ``broken``."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(PATIENTS):
        write_canary(folder / "good" / f"{number}.dcm", bright_disc(), number=number)
        cv2.imwrite(str(folder / "good" / f"{number}_mask.png"), (bright_disc() == 4000).astype(np.uint8) * 255)
    for number, (name, attributes) in enumerate(BROKEN.items(), start=PATIENTS):
        write_canary(folder / "broken" / f"{name}.dcm", bright_disc(), number=number, after=attributes)
    content = (folder / "good" / "0.dcm").read_bytes()
    for name, cut in (("cut-in-header", 600), ("cut-in-pixels", len(content) - 50)):
        (folder / "broken" / f"{name}.dcm").write_bytes(content[:cut])
    return folder


BROKEN = {
    "modality": {"Modality": MARK},
    "photometric": {"PhotometricInterpretation": MARK},
    "window": {"WindowCenter": MARK},
    "rescale": {"RescaleSlope": MARK},
    "uid": {"SOPInstanceUID": MARK},
    "class": {"SOPClassUID": "1.2.826.0.1.3680043.4711.9"},
    "rows": {"Rows": (4711).to_bytes(2, "little")},
}
"""Attributes that a refusal speaks of, with the mark as value."""


def listen(command: Callable[[], None]) -> str:
    """Everything that a command says: standard output and error, log records of all levels, warnings, its error."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            command()
    except MammosegError as error:
        said.write(f"{error} {error!r}")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return said.getvalue() + "\n".join(str(warning.message) for warning in warned)


def marked_files(folder: Path) -> list[str]:
    """Files below a folder with a mark in their name, their bytes or the texts of a picture; DICOM results apart."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and path.suffix != ".dcm" else b""
        if path.suffix == ".png":
            with Image.open(path) as picture:
                content += str(picture.info).encode()
        if marks_in(content) or marks_in(str(path.relative_to(folder)).encode()):
            found.append(str(path.relative_to(folder)))
    return found


def test_this_test_hears_what_is_said():
    heard = listen(lambda: (logging.getLogger("any").debug(MARK), warnings.warn("a warning", stacklevel=1)))
    assert marks_in(heard.encode()) == [MARK]
    assert "a warning" in heard


def test_predict(images, tmp_path):
    options = Options(objects=tuple(ObjectKind))
    said = listen(lambda: run_predictor(BrightIsMass(), [images], tmp_path, options=options))
    assert f"{PATIENTS} segmented" in said
    assert marks_in(said.encode()) == []
    assert marked_files(tmp_path) == []


def test_predict_as_json_in_several_processes(images, tmp_path, capfd):
    run = partial(run_predictor, workers=Workers(2, BrightIsMass), json=True)
    said = listen(lambda: run(BrightIsMass(), [images], tmp_path))
    said += "".join(capfd.readouterr())  # of the other process
    assert '"status": "mass found"' in said
    assert marks_in(said.encode()) == []
    assert marked_files(tmp_path) == []


def test_ingest_training_evaluation_and_export(images, tmp_path):
    data, key = tmp_path / "data", tmp_path / "key"
    said = listen(lambda: ingest("folder", str(images), output=str(data), key_file=str(key)))
    overrides = tiny_overrides(data, tmp_path / "run", max_epochs=1)
    said += listen(lambda: train("unet", recipe="common", **overrides))
    weights = str(tmp_path / "run" / "models" / "model.pt")
    output = str(tmp_path / "run" / "eval")
    said += listen(lambda: evaluate("unet", dataset_dir=str(data), weights=weights, output_dir=output))
    said += listen(lambda: report(output, dataset_dir=str(data), weights=weights, output=str(tmp_path / "report")))
    again = shutil.copytree(output, tmp_path / "again")
    tables = (f"{folder}/per_image.csv" for folder in (output, again))
    said += listen(lambda: compare(*tables, output=str(tmp_path / "comparison")))
    said += listen(lambda: print(export("unet", weights=weights, output=tmp_path / "export")))
    for written in ("report/index.html", "comparison/pairs.csv", "export/unet.zip"):
        assert (tmp_path / written).exists()
    assert marks_in(said.encode()) == []
    assert marked_files(tmp_path) == []


def test_deidentify(images, tmp_path):
    key = tmp_path / "keys" / "key"
    said = listen(lambda: deidentify(images, output=tmp_path / "out", key_file=key))
    assert f"{PATIENTS} written" in said
    assert marks_in(said.encode()) == []
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert [name for name, content in written.items() if marks_in(name.encode() + content)] == []


def test_send_to_an_archive_that_is_not_there(images):
    said = listen(lambda: send(images, to="http://127.0.0.1:1/dicom-web"))
    assert said != ""
    assert marks_in(said.encode()) == []


@pytest.fixture
def filled(orthanc, images, tmp_path, monkeypatch):
    """An archive that holds what it takes of the images; it may not take all that is broken."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for path in sorted(images.rglob("*.dcm")):
        with contextlib.suppress(MammosegError):
            orthanc.store(path)
    return orthanc


def test_predict_from_an_archive_and_back(filled, tmp_path, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "mammoseg.inference.predictor", SimpleNamespace(Predictor=lambda **_: BrightIsMass())
    )
    monkeypatch.setattr("mammoseg.prediction.asked.choose_default_weights", lambda bundle: tmp_path / "model.pt")
    before, address = instances_in(filled), filled.dicomweb
    said = listen(lambda: predict(output=tmp_path / "out", archive=address, stow=address, workers=1))
    assert f"{PATIENTS} segmented" in said
    assert instances_in(filled) == before + 2 * PATIENTS
    fetched = sorted((tmp_path / "out" / "images").iterdir())
    assert len(fetched) > PATIENTS
    assert marks_in(said.encode()) == []
    assert marked_files(tmp_path) == []


@pytest.mark.parametrize("protocol", ["DICOMweb", "C-STORE"])
def test_send_twice(protocol, images, orthanc):
    dicom_address = f"dicom://ORTHANC@127.0.0.1:{orthanc.dicom_port}"
    to = orthanc.dicomweb if protocol == "DICOMweb" else dicom_address
    said = listen(lambda: send(images, to=to)) + listen(lambda: send(images, to=to, as_json=True))
    assert instances_in(orthanc) >= PATIENTS
    assert marks_in(said.encode()) == []


def test_view(images, orthanc, tmp_path, monkeypatch):
    serve = show.ViewerServer.serve_forever

    def look_once(server):
        threading.Thread(target=serve, args=[server], daemon=True).start()
        assert MARK_UID in requests.get(f"{server.url}/dicom-web/series", timeout=PATIENCE_SECONDS).text
        server.shutdown()

    monkeypatch.setattr(show, "OHIF", tmp_path)
    monkeypatch.setattr(show.ViewerServer, "serve_forever", look_once)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    said = listen(lambda: show.view_files(images / "good", port=0))
    assert f"{PATIENTS} files in {PATIENTS} studies" in said
    assert marks_in(said.encode()) == []
