"""3D Slicer's module before the whole server and a real Orthanc: its own client, its order of requests, its files.

What the module does is in plugins/slicer/MONAILabel/MONAILabel.py of MONAI Label; its client is the one that monailabel
ships. Slicer reads and writes images by ITK, as SimpleITK does here.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote_plus
from urllib.request import urlretrieve

import numpy as np
import pydicom
import pytest
import requests
import SimpleITK as sitk
from monailabel.client.client import MONAILabelClient, MONAILabelClientException

from mammoseg.dicom.mask import SEGMENTATION_CLASSES
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.viewer.archive import LocalArchive
from monailabel_app.lib.login.tokens import make_token
from tests.label.bright_model import write_bright_weights
from tests.label.made_store import as_slicer_writes
from tests.label.real_server import running_server, write_marked
from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]

LABEL_INFO = {"label_info": [{"name": "mass", "idx": 1}]}
"""What the module says of the segments that it saves."""


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of patients' codes for the test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def marks(orthanc: LocalArchive, tmp_path: Path) -> dict[str, np.ndarray]:
    """Two mammograms of one study in Orthanc, other sizes and sides; the masks of their bright marks by image id."""
    found = {}
    for number, (side, shape) in enumerate((("R", (300, 240)), ("L", (260, 280)))):
        path = tmp_path / f"{number}.dcm"
        image, mark = write_marked(path, shape, laterality=side)
        orthanc.store(path)
        found[str(image.SOPInstanceUID)] = mark
    return found


@pytest.fixture
def serve(orthanc: LocalArchive, tmp_path: Path) -> Any:
    """Start the server before Orthanc, with the same state each time."""
    weights = write_bright_weights(tmp_path / "bright.pt")

    def start() -> Any:
        return running_server(orthanc.dicomweb, tmp_path / "state", weights=f"unet={weights}")

    return start


@pytest.fixture
def url(serve: Any, marks: dict[str, np.ndarray]) -> Iterator[str]:
    with serve() as url:
        yield url


def client_of(url: str, folder: Path, password: str = "") -> MONAILabelClient:
    """As the module makes it: a folder for what comes, and who asks; where a login is needed, with a token for it."""
    folder.mkdir(exist_ok=True)
    client = MONAILabelClient(url, str(folder), "user-xyz")
    if client.auth_enabled():
        client.update_auth(client.auth_token("ada", password))
        assert client.auth_valid_token()
    return client


def next_image(client: MONAILabelClient, folder: Path) -> tuple[dict[str, Any], Path]:
    """Button "Next Sample": what the server says, and the image, which Slicer's downloader fetches, not the client."""
    sample = client.next_sample("random", {})
    path = folder / sample.get("name", sample["id"])
    urlretrieve(f"{client.get_server_url()}/datastore/image?image={quote_plus(sample['id'])}", path)
    return sample, path


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def geometry(image: sitk.Image) -> tuple[Any, ...]:
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()


def test_the_module_finds_what_it_looks_for_in_info(url, tmp_path):
    info = client_of(url, tmp_path / "slicer").info()
    assert info["models"]["unet"]["type"] == "segmentation" and info["models"]["unet"]["labels"] == {"mass": 1}
    assert {"random", "first"} <= info["strategies"].keys() and "unet" in info["trainers"]
    assert info["datastore"]["total"] == 2 and info["datastore"]["completed"] == 0
    assert isinstance(info["train_stats"]["unet"], dict), "the module shows epoch and best_metric of each"


def test_an_image_comes_by_name_and_its_mask_in_the_geometry_that_slicer_gives_the_image(url, marks, tmp_path):
    client = client_of(url, tmp_path / "slicer")
    sample, path = next_image(client, tmp_path / "slicer")
    assert path.suffix == ".dcm", "Slicer chooses its reader by the name"
    request = {"result_extension": ".nrrd", "result_dtype": "uint8"}
    file, params = client.infer("unet", sample["id"], request)
    image, mask = sitk.ReadImage(str(path)), sitk.ReadImage(file)
    assert np.allclose(np.concatenate(geometry(mask)), np.concatenate(geometry(image)))
    assert mask.GetPixelID() == sitk.sitkUInt8 and params["label_names"] == {"mass": 1}
    found = sitk.GetArrayFromImage(mask)[0] == 1
    assert dice(found, marks[sample["id"]]) > 0.95
    assert dice(found, marks[sample["id"]][::-1]) < 0.7, "a turned mask would be seen"


def test_a_mask_that_the_server_kept_comes_with_the_image(url, marks, tmp_path):
    """What the module does after "Next Sample" where a batch inference came before."""
    client, image_id = client_of(url, tmp_path / "slicer"), min(marks)
    client.infer("unet", image_id, {"save_label": True})
    info = client.datastore()["objects"][image_id]["labels"]["original"]["info"]
    assert list(info["params"]["label_names"]) == ["mass"]
    mask = sitk.ReadImage(client.download_label(image_id, "original"))
    assert dice(sitk.GetArrayFromImage(mask)[0] != 0, marks[image_id]) > 0.95


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".seg.nrrd"])
def test_an_edited_mask_becomes_a_seg_in_the_archive_and_is_the_label_after_a_restart(
    serve, orthanc, marks, dciodvfy, tmp_path, suffix
):
    with serve() as url:
        client = client_of(url, tmp_path / "slicer")
        sample, path = next_image(client, tmp_path / "slicer")
        image_id = sample["id"]
        edited = marks[image_id].copy()
        edited[110:130, 30:50] = True  # beside the mark, where the model sees nothing
        file = as_slicer_writes(edited, path, tmp_path / f"label{suffix}")
        saved = client.save_label(image_id, str(file), params=dict(LABEL_INFO))
        assert saved["image"] == image_id
        assert client.info()["datastore"]["completed"] == 1
    (stored,) = segmentations_in(orthanc, tmp_path)
    dataset = pydicom.dcmread(stored)
    (series,) = dataset.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence] == [image_id]
    assert not [line for line in validated(dciodvfy, stored) if line.startswith("Error")]
    with serve() as url:
        client = client_of(url, tmp_path / "slicer")
        (labelled,) = (name for name, item in client.datastore()["objects"].items() if "final" in item["labels"])
        assert labelled == image_id
        label = sitk.ReadImage(client.download_label(saved["label"], "final"))
        assert np.array_equal(sitk.GetArrayFromImage(label)[0] != 0, edited)
        other, _ = next_image(client, tmp_path / "slicer")
        assert other["id"] != image_id, "what has a label is not given out again"


def voxel(image: Path, row: int, column: int) -> list[int]:
    """Where Slicer says a point is: through space and back, as `getControlPointsXYZ` of the module."""
    source = sitk.ReadImage(str(image))
    return list(source.TransformPhysicalPointToIndex(source.TransformIndexToPhysicalPoint((column, row, 0))))


def test_smart_edit_outlines_from_points_and_a_box(url, marks, tmp_path):
    client = client_of(url, tmp_path / "slicer")
    models = client.info()["models"]
    assert models["random_walker"]["type"] == "deepedit" and models["random_walker"]["dimension"] == 2
    assert not models["random_walker"]["labels"], "with labels the module sends no points outside"
    sample, path = next_image(client, tmp_path / "slicer")
    mark = marks[sample["id"]]
    request = {
        "label": "mass",
        "foreground": [voxel(path, 70, column) for column in (70, 100, 130)] + [voxel(path, 150, 70)],
        "background": [voxel(path, 140, 110)],
        "slice": 0,
    }
    file, params = client.infer("random_walker", sample["id"], dict(request))
    found = sitk.GetArrayFromImage(sitk.ReadImage(file))[0] == 1
    assert dice(found, mark) > 0.85 and found[70, 130] and not found[140, 110]
    assert params["label_names"] == {"mass": 1} and params["model"] == "random_walker"
    assert np.allclose(geometry(sitk.ReadImage(file))[2], geometry(sitk.ReadImage(str(path)))[2])
    roi = {"label": "mass", "foreground": [], "background": [], "roi": [142, 58, 162, 38, 0, 0], "slice": 0}
    file, _ = client.infer("random_walker", sample["id"], roi)
    boxed = sitk.GetArrayFromImage(sitk.ReadImage(file))[0] == 1
    assert boxed.any() and not boxed[163:].any() and not boxed[:, 143:].any()
    with pytest.raises(MONAILabelClientException, match="outside of the image"):
        client.infer("random_walker", sample["id"], {"foreground": [[1000, 5, 0]], "background": []})


def outlined(client: MONAILabelClient, image: str, foreground: list[list[int]], session: str = "") -> np.ndarray:
    """What *Smart Edit* shows after these points, mask ``(rows, columns)``."""
    request = {"label": "mass", "foreground": foreground, "background": []}
    file, _ = client.infer("random_walker", image, request, session_id=session or None)
    return sitk.GetArrayFromImage(sitk.ReadImage(file))[0] == 1


def test_a_further_point_of_smart_edit_corrects_the_mask_so_far_and_other_points_begin_anew(url, marks, tmp_path):
    client = client_of(url, tmp_path / "slicer")
    sample, path = next_image(client, tmp_path / "slicer")
    points = [voxel(path, *place) for place in ((70, 100), (150, 70))]
    alone = outlined(MONAILabelClient(url, str(tmp_path), "another"), sample["id"], points)
    first = outlined(client, sample["id"], points[:1])
    corrected = outlined(client, sample["id"], points)
    so_far = RunLengths.from_mask(first)
    body = {"image": sample["id"], "model": "random_walker", "foreground": [[70, 100], [150, 70]]}
    body["mask"] = {"box": so_far.box, "counts": so_far.counts}
    answer = requests.post(f"{url}/annotate/api/segment", json=body, timeout=60).json()
    assert (corrected == RunLengths.from_json(**answer["mask"]).to_mask(first.shape)).all(), (
        "as a page that sends the mask"
    )
    assert (corrected != alone).any(), "the mask matters here"
    assert (outlined(client, sample["id"], points[1:]) == outlined(client, sample["id"], points[1:])).all()
    other = min(marks.keys() - {sample["id"]})
    assert (outlined(client, other, points) == outlined(MONAILabelClient(url, str(tmp_path)), other, points)).all()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the client leaves its file open
def test_an_image_of_ones_own_is_asked_about_in_a_session_that_nobody_else_can_use(url, tmp_path):
    tokens = [make_token(tmp_path / "state" / "tokens.json", name=name, role="annotator") for name in ("Ada", "Grace")]
    ada, grace = (client_of(url, tmp_path / token[:8], token) for token in tokens)
    path = tmp_path / "own.dcm"
    _, mark = write_marked(path)
    session, again = (ada.create_session(str(path))["session_id"] for _ in range(2))
    assert ada.get_session(session)["name"] == session
    file, _ = ada.infer("unet", "", {}, session_id=session)
    assert dice(sitk.GetArrayFromImage(sitk.ReadImage(file))[0] == 1, mark) > 0.95
    points = [voxel(path, *place) for place in ((70, 100), (150, 70))]
    alone = outlined(ada, "", points, again)
    outlined(ada, "", points[:1], session)
    assert (outlined(ada, "", points, session) != alone).any(), "it goes on from the mask so far of its own session"
    for ask in (lambda: outlined(grace, "", points, session), lambda: grace.remove_session(session)):
        with pytest.raises(MONAILabelClientException, match="you have no such session, or it has ended"):
            ask()
    ada.remove_session(session)
    with pytest.raises(MONAILabelClientException, match="you have no such session"):
        outlined(ada, "", points, session)
    assert len([*(tmp_path / "state" / "uploads").rglob("upload.dcm")]) == 1, "that of the other session"


def test_scribbles_correct_the_segment_that_was_selected(url, marks, tmp_path):
    client = client_of(url, tmp_path / "slicer")
    assert client.info()["models"]["random_walker_scribbles"]["type"] == "scribbles"
    sample, path = next_image(client, tmp_path / "slicer")
    mark = marks[sample["id"]]
    values = np.zeros(mark.shape, np.uint8)
    values[mark] = 1
    values[42:48, 65:135] = 3
    values[150:158, 62:78] = 2
    file = as_slicer_writes(np.ones(mark.shape, bool), path, tmp_path / "scribbles.nii.gz")
    label = sitk.ReadImage(str(file))
    painted = sitk.GetImageFromArray(values[np.newaxis])
    painted.CopyInformation(label)
    sitk.WriteImage(painted, str(file))
    request = {
        "roi": [],
        "label_info": [
            {"name": "mass", "id": 1},
            {"name": "background_scribbles", "id": 2},
            {"name": "foreground_scribbles", "id": 3},
        ],
        "selected_label_name": "mass",
    }
    answer, _ = client.infer("random_walker_scribbles", sample["id"], request, label_in=str(file))
    found = sitk.GetArrayFromImage(sitk.ReadImage(answer))[0] == 1
    assert found[values == 3].all() and not found[values == 2].any()
    assert dice(found, mark) > 0.8
    with pytest.raises(MONAILabelClientException, match="send it as the file"):
        client.infer("random_walker_scribbles", sample["id"], {"roi": []})


def test_a_label_that_smart_edit_helped_with_says_so_in_the_archive(url, orthanc, marks, dciodvfy, tmp_path):
    client = client_of(url, tmp_path / "slicer")
    sample, path = next_image(client, tmp_path / "slicer")
    points = {"label": "mass", "foreground": [voxel(path, 70, 120)], "background": []}
    file, _ = client.infer("random_walker", sample["id"], points)
    client.save_label(sample["id"], file, params=dict(LABEL_INFO))
    (stored,) = segmentations_in(orthanc, tmp_path)
    (segment,) = pydicom.dcmread(stored).SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    (identified,) = segment.SegmentationAlgorithmIdentificationSequence
    assert identified.AlgorithmName == "random_walker" and identified.AlgorithmVersion.startswith("scikit-image ")
    assert not [line for line in validated(dciodvfy, stored) if line.startswith("Error")]


def test_with_a_login_the_same_buttons_work(url, marks, tmp_path):
    token = make_token(tmp_path / "state" / "tokens.json", name="Ada", role="annotator")
    client = client_of(url, tmp_path / "slicer", token)
    sample, path = next_image(client, tmp_path / "slicer")
    image_id = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
    file, _ = client.infer("unet", sample["id"], {})
    assert dice(sitk.GetArrayFromImage(sitk.ReadImage(file))[0] == 1, marks[image_id]) > 0.95
    assert client.save_label(sample["id"], file, params=dict(LABEL_INFO))["image"] == image_id
    assert client.info()["datastore"]["completed"] == 1
    other = min(marks.keys() - {image_id})
    with pytest.raises(HTTPError, match="401"):
        urlretrieve(f"{url}/datastore/image?image={other}", path)


def test_training_is_started_asked_about_and_stopped(serve, orthanc, tmp_path):
    for patient in range(4):
        path = tmp_path / f"{patient}.dcm"
        write_marked(path, patient=f"CANARY-{patient}")
        orthanc.store(path)
    with serve() as url:
        client = client_of(url, tmp_path / "slicer")
        while sample := client.next_sample("first", {}):
            with pytest.raises(MONAILabelClientException, match="label more images"):
                client.train_start("unet", {"max_epochs": 1})
            mask, _ = client.infer("unet", sample["id"], {})
            client.save_label(sample["id"], mask, params=dict(LABEL_INFO))
        assert client.train_status(check_if_running=True) is False
        started = client.train_start("unet", {"max_epochs": 1})
        assert started["status"] in ("SUBMITTED", "RUNNING") and started["request"]["model"] == "unet"
        status = client.train_status()
        assert status["id"] == started["id"] and status["details"][-1], "the module shows the last line"
        client.train_stop()


def segmentations_in(archive: LocalArchive, folder: Path) -> list[Path]:
    """Files of all SEG that Orthanc holds."""
    found = []
    for name in requests.get(f"{archive.url}/instances", auth=archive.user, timeout=10).json():
        content = requests.get(f"{archive.url}/instances/{name}/file", auth=archive.user, timeout=10).content
        path = folder / f"stored-{name}.dcm"
        path.write_bytes(content)
        if pydicom.dcmread(path, specific_tags=["SOPClassUID"]).SOPClassUID in SEGMENTATION_CLASSES:
            found.append(path)
    return found


def validated(dciodvfy: str, path: Path) -> list[str]:
    run = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, timeout=60)
    return (run.stdout + run.stderr).splitlines()
