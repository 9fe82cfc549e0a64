"""Prompts through the whole server over a folder: outlines, refusals, what a saved label says, and what it cost."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import pydicom
import pytest
import requests

from mammoseg.dicom.algorithm import Assistance
from mammoseg.files import hash_file
from mammoseg.interactive.click_model import BUNDLE, choose_click_weights
from mammoseg.interactive.clicks import CLICK_RADIUS_PIXELS
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.metrics.overlap import compute_dice
from mammoseg.provenance import FILM_WARNING
from monailabel_app.__main__ import APP_DIR
from monailabel_app.lib.login.tokens import make_token
from monailabel_app.lib.models.prepared import LookedAt, LookedAtImages
from monailabel_app.lib.models.prompted import Outliner, build_prompted_models
from monailabel_app.lib.models.said_prompts import Said
from monailabel_app.main import MammosegApp
from tests.label.bright_model import write_bright_weights
from tests.label.real_server import running_server, write_marked
from tests.waiting import PATIENCE_SECONDS

INSIDE, OUTSIDE, IN_BLACK = [70, 100], [70, 20], [280, 230]
"""(row, column) in the mark of `write_marked`, beside it, and beside the breast."""

ALONG = [[70, 70], [70, 100], [70, 130], [150, 70]]
"""Both arms of the mark."""


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def mark(tmp_path: Path) -> np.ndarray:
    (tmp_path / "images").mkdir()
    return write_marked(tmp_path / "images" / "a.dcm")[1]


@pytest.fixture
def image(mark: np.ndarray, tmp_path: Path) -> str:
    return str(pydicom.dcmread(tmp_path / "images" / "a.dcm").SOPInstanceUID)


@pytest.fixture
def url(image: str, tmp_path: Path) -> Iterator[str]:
    weights = write_bright_weights(tmp_path / "bright.pt")
    with running_server(str(tmp_path / "images"), tmp_path / "state", weights=f"unet={weights}") as address:
        yield address


Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(url: str, image: str) -> Ask:
    def send(**sent: Any) -> requests.Response:
        return requests.post(
            f"{url}/annotate/api/segment", json={"image": image, "model": "random_walker", **sent}, timeout=60
        )

    return send


def mask_in(answer: requests.Response, shape: tuple[int, int]) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return RunLengths.from_json(**answer.json()["mask"]).to_mask(shape)


def save(url: str, image: str, mask: np.ndarray, folder: Path, **headers: str) -> dict[str, Any]:
    cv2.imwrite(str(folder / "label.png"), mask.astype(np.uint8) * 255)
    with (folder / "label.png").open("rb") as file:
        answer = requests.put(
            f"{url}/datastore/label?image={image}&tag=final", files={"label": file}, headers=headers, timeout=60
        )
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(folder: Path, label: str) -> pydicom.Dataset:
    (path,) = folder.rglob(f"final/{label}.dcm")
    return pydicom.dcmread(path)


def test_clicks_of_a_page_outline_the_mark_and_the_answer_says_by_what(ask, mark):
    answer = ask(foreground=ALONG)
    assert compute_dice(mask_in(answer, mark.shape), mark) > 0.85
    told = answer.json()
    assert told["model"] == "random_walker" and told["version"] == RandomWalker.version and told["seconds"] > 0
    assert told["weights_file"] is None and told["warning"] is None, "it has no weights"
    top, left, bottom, right = told["mask"]["box"]
    assert sum(told["mask"]["counts"]) == (bottom - top) * (right - left)


def test_box_strokes_and_the_mask_so_far_are_taken_too(ask, mark):
    boxed = mask_in(ask(box=[38, 58, 162, 142], model="region_growing", foreground=[INSIDE]), mark.shape)
    assert compute_dice(boxed, mark) > 0.9
    so_far = RunLengths.from_mask(mark)
    corrected = mask_in(
        ask(
            mask={"box": so_far.box, "counts": so_far.counts},
            inside=[[[50, 80], [60, 90]]],
            outside=[[[120, 62], [150, 78]]],
            background=[[155, 70]],
        ),
        mark.shape,
    )
    assert corrected[50, 80] and not corrected[155, 70] and not corrected[120, 62] and not corrected[150, 78]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"foreground": [[300, 5]]}, "outside of the image (300 rows, 240 columns)"),
        ({"foreground": [[10, 10]] * 1001}, "1,001 points"),
        ({"background": [OUTSIDE]}, "click into the mass first"),
        ({"foreground": [[10, 10, 0]]}, "its row and its column"),
        ({"foreground": "here"}, "foreground must be a list of points"),
        ({"foreground": [[True, 1]]}, "foreground must be"),
        ({"foreground": [IN_BLACK]}, "The click at row 280, column 230 is outside of the breast"),
        ({"box": [0, 0, 1]}, "box must be four numbers"),
        ({"box": [50, 50, 50, 60]}, "is empty or outside"),
        ({"mask": {"box": [0, 0, 400, 10], "counts": [4000]}}, "send the mask of this image"),
        ({"mask": {"box": [0, 0, 10, 10], "counts": [7]}}, "do not add up"),
        ({"mask": [1, 2]}, "mask must be"),
        ({"foreground": [INSIDE], "image": "../x"}, "image must be"),
        ({"foreground": [INSIDE], "bakground": [OUTSIDE]}, "unknown parameter 'bakground'"),
        ({"foreground": [INSIDE], "inside": [[["\ud800", 1]]]}, "lone surrogate"),
    ],
)
def test_wrong_prompts_get_one_sentence(url, image, sent, sentence):
    body = json.dumps({"image": image, "model": "random_walker", **sent})
    answer = requests.post(f"{url}/annotate/api/segment", data=body, timeout=60)
    assert answer.status_code == 400 and sentence in answer.json()["detail"], answer.text


def test_an_unknown_model_or_image_is_404_and_a_batch_of_prompts_is_refused(url, ask):
    assert ask(foreground=[INSIDE], model="unet").status_code == 404
    assert ask(foreground=[INSIDE], image="1.2.3").status_code == 404
    answer = requests.post(f"{url}/batch/infer/random_walker", json={}, timeout=60)
    assert answer.status_code == 400 and "needs prompts" in answer.json()["detail"]


def test_who_only_views_gets_no_outline(url, ask, tmp_path):
    make_token(tmp_path / "state" / "tokens.json", name="Eve", role="viewer")
    assert ask(foreground=[INSIDE]).status_code == 401
    token = make_token(tmp_path / "state" / "tokens.json", name="Vic", role="viewer")
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{url}/annotate/api/segment", json={}, headers=headers, timeout=60).status_code == 403


def test_a_region_that_a_model_proposed_is_semiautomatic_by_it_and_one_drawn_by_hand_is_manual(
    url, ask, image, mark, tmp_path
):
    proposed = mask_in(ask(foreground=ALONG), mark.shape)
    drawn = proposed.copy()
    drawn[200:220, 60:90] = True
    label = save(url, image, drawn, tmp_path)["label"]
    seg = stored(tmp_path / "state", label)
    assert [segment.SegmentAlgorithmType for segment in seg.SegmentSequence] == ["SEMIAUTOMATIC", "MANUAL"]
    first, second = seg.SegmentSequence
    (identified,) = first.SegmentationAlgorithmIdentificationSequence
    assert identified.AlgorithmName == "random_walker" and identified.AlgorithmVersion == RandomWalker.version
    assert identified.AlgorithmFamilyCodeSequence[0].CodeValue == "123101"
    assert "SegmentationAlgorithmIdentificationSequence" not in second
    info = requests.get(f"{url}/datastore/label/info?label={label}&tag=final", timeout=60).json()
    assert info["algorithm_type"] == "SEMIAUTOMATIC" and info["helped_by"] == [f"random_walker {RandomWalker.version}"]


def test_where_no_model_is_named_the_network_answers_and_a_label_that_it_helped_with_names_its_weights(
    url, image, mark, tmp_path
):
    answer = requests.post(
        f"{url}/annotate/api/segment", json={"image": image, "box": [38, 58, 162, 142]}, timeout=PATIENCE_SECONDS
    )
    told = answer.json()
    assert told["model"] == "click_unet"
    info = requests.get(f"{url}/info/", timeout=60).json()["models"]["click_unet"]
    facts = ("weights_file", "weights_sha256", "trained_on", "warning")
    assert [told[fact] for fact in facts] == [info[fact] for fact in facts]
    assert told["weights_sha256"] == hash_file(choose_click_weights()) and told["trained_on"] == "cbis_ddsm"
    assert told["warning"] == FILM_WARNING and info["description"].endswith(FILM_WARNING)
    start = requests.get(f"{url}/annotate/api/start", timeout=60).json()
    assert start["prompted"] == {"name": "click_unet", "warning": FILM_WARNING}
    params = {"params": json.dumps({"foreground": [[100, 70, 0]], "background": []})}
    infer = requests.post(f"{url}/infer/click_unet?image={image}&output=json", data=params, timeout=PATIENCE_SECONDS)
    assert [infer.json()[fact] for fact in facts] == [told[fact] for fact in facts]
    assert infer.headers["X-Mammoseg-Warning"] == FILM_WARNING
    requests.post(
        f"{url}/annotate/api/segment", json={"image": image, "box": [38, 58, 162, 142]}, timeout=PATIENCE_SECONDS
    )
    label = save(url, image, mask_in(answer, mark.shape), tmp_path)["label"]
    (identified,) = stored(tmp_path / "state", label).SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert identified.AlgorithmName == "click_unet" and identified.AlgorithmVersion == told["version"]
    assert f"weights_sha256={told['weights_sha256']}" in identified.AlgorithmParameters


def test_what_was_drawn_beside_a_proposal_is_manual(url, ask, image, mark, tmp_path):
    ask(foreground=[INSIDE])
    beside = np.zeros(mark.shape, bool)
    beside[200:220, 60:90] = True
    (segment,) = stored(tmp_path / "state", save(url, image, beside, tmp_path)["label"]).SegmentSequence
    assert segment.SegmentAlgorithmType == "MANUAL"


def test_the_outline_of_an_automatic_model_that_a_person_saves_names_its_weights_and_counts_as_a_label(
    url, image, mark, tmp_path
):
    answer = requests.post(f"{url}/infer/unet?image={image}&output=image", timeout=60)
    (tmp_path / "mask.nii.gz").write_bytes(answer.content)
    mask = np.asarray(nibabel.load(tmp_path / "mask.nii.gz").dataobj)[..., 0].T != 0
    (segment,) = stored(tmp_path / "state", save(url, image, mask, tmp_path)["label"]).SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    (identified,) = segment.SegmentationAlgorithmIdentificationSequence
    assert identified.AlgorithmName == "unet" and "weights_sha256=" in identified.AlgorithmParameters
    assert requests.get(f"{url}/datastore/", timeout=60).json()["completed"] == 1


def test_an_untouched_proposal_stays_automatic_and_is_no_label(url, image, tmp_path):
    answer = requests.post(f"{url}/infer/unet?image={image}&output=dicom_seg", timeout=60)
    (tmp_path / "model.dcm").write_bytes(answer.content)
    (segment,) = pydicom.dcmread(tmp_path / "model.dcm").SegmentSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    answer = requests.post(f"{url}/infer/random_walker?image={image}&output=dicom_seg", timeout=60)
    assert answer.status_code == 400 and "when a person saves it" in answer.json()["detail"]


def test_a_kept_outline_that_was_downloaded_has_helped_too(url, image, mark, tmp_path):
    params = {"params": json.dumps({"save_label": True})}
    assert requests.post(f"{url}/infer/unet?image={image}&output=json", data=params, timeout=60).status_code == 200
    token = make_token(tmp_path / "state" / "tokens.json", name="Ada", role="annotator")
    headers = {"Authorization": f"Bearer {token}"}
    label = save(url, image, mark, tmp_path, **headers)["label"]
    assert stored(tmp_path / "state", label).SegmentSequence[0].SegmentAlgorithmType == "MANUAL", "Ada saw nothing"
    kept = requests.get(f"{url}/datastore/label?label={image}&tag=original", headers=headers, timeout=60)
    assert kept.status_code == 200
    (segment,) = stored(tmp_path / "state", save(url, image, mark, tmp_path, **headers)["label"]).SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "unet"


def test_a_label_of_a_picture_says_how_it_came_to_be_beside_it(tmp_path):
    (tmp_path / "pictures").mkdir()
    pixels = np.full((300, 240), 60, np.uint8)
    cv2.circle(pixels, (100, 150), 30, 180, -1)
    cv2.imwrite(str(tmp_path / "pictures" / "film.png"), pixels)
    with running_server(str(tmp_path / "pictures"), tmp_path / "state") as url:
        answer = requests.post(
            f"{url}/annotate/api/segment",
            json={"image": "film", "model": "random_walker", "foreground": [[150, 100]]},
            timeout=60,
        )
        mask = mask_in(answer, pixels.shape)
        assert compute_dice(mask, pixels > 100) > 0.9
        label = save(url, "film", mask, tmp_path)["label"]
    (path,) = (tmp_path / "state").rglob(f"final/{label}.json")
    about = json.loads(path.read_text())
    assert about["algorithm_type"] == "SEMIAUTOMATIC"
    assert about["helped_by"] == [f"random_walker {RandomWalker.version}"]


def test_effort_is_kept_by_day_and_role_and_the_audit_names_no_effort(url, ask, image, mark, tmp_path):
    requests.post(f"{url}/activelearning/first", timeout=60)
    ask(foreground=[INSIDE])
    ask(foreground=[INSIDE, [60, 80]], background=[OUTSIDE])
    proposed = mask_in(ask(foreground=[INSIDE]), mark.shape)
    save(url, image, proposed, tmp_path)
    (of_day,) = json.loads((tmp_path / "state" / "effort.json").read_text()).values()
    effort = of_day["annotator"]
    assert effort["labels"] == 1 and effort["prompts"] == {"sum": 1, "labels": 1}, "those of the last request hold all"
    assert effort["corrections"] == {"sum": 2, "labels": 1} and effort["kept"] == {"sum": 1.0, "labels": 1}
    assert effort["seconds"]["labels"] == 1 and 0 < effort["seconds"]["sum"] < 600
    save(url, image, np.zeros(mark.shape, bool), tmp_path)
    (of_day,) = json.loads((tmp_path / "state" / "effort.json").read_text()).values()
    assert of_day["annotator"]["prompts"] == {"sum": 1, "labels": 2}, "a prompt is counted once"
    assert of_day["annotator"]["kept"] == {"sum": 1.0, "labels": 2}
    assert "effort" not in (tmp_path / "state" / "audit.jsonl").read_text()


def test_effort_stands_in_the_audit_by_name_where_that_was_agreed_on(image, mark, tmp_path):
    with running_server(str(tmp_path / "images"), tmp_path / "state", audit_effort="named") as url:
        body = {"image": image, "foreground": [INSIDE]}
        proposed = mask_in(requests.post(f"{url}/annotate/api/segment", json=body, timeout=60), mark.shape)
        save(url, image, proposed, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    (line,) = (line for line in lines if line["what"] == "effort")
    assert line["who"] == "local" and line["prompts"] == 1 and line["corrections"] == 0 and line["kept"] == 1.0
    assert not (tmp_path / "state" / "effort.json").exists()


def test_an_image_is_decoded_once_until_its_file_changes_and_memory_stays_within_its_limit(tmp_path):
    paths = [tmp_path / f"{number}.dcm" for number in range(3)]
    shapes = [write_marked(path)[1].shape for path in paths]
    of_one = (4 + 1) * shapes[0][0] * shapes[0][1]  # grey values, and where the breast is
    images = LookedAtImages(2 * of_one, ("MG",))
    model = RandomWalker()

    def look(path: Path) -> int:
        return images.use(path, model, lambda looked, prepared: id(looked))

    first = look(paths[0])
    assert look(paths[0]) == first and images.size_bytes == of_one
    look(paths[1])
    look(paths[0])
    look(paths[2])
    assert len(images) == 2 and images.size_bytes == 2 * of_one
    assert look(paths[0]) == first, "the one that was used longest ago has gone"
    write_marked(paths[0], (320, 240))
    images.use(paths[0], model, lambda looked, prepared: looked.grid.shape == (320, 240) or pytest.fail("stale"))


def test_the_network_is_loaded_by_the_first_request_or_with_preload_at_the_start(monkeypatch):
    loaded: list[tuple[Path, str | None]] = []

    def load(path: Path, *, device: str | None, runtime: str) -> RandomWalker:
        loaded.append((path, device))
        return RandomWalker()

    monkeypatch.setattr("monailabel_app.lib.models.prompted.load_click_model", load)
    images = LookedAtImages(2**20, ("MG",))
    build_prompted_models(images)
    assert not loaded
    build_prompted_models(images, preload=True)
    assert loaded == [(choose_click_weights(), None)]


def test_the_network_computes_on_the_device_and_with_the_engine_of_the_server(monkeypatch, tmp_path):
    used: list[tuple[str | None, str]] = []

    def load(path: Path, *, device: str | None, runtime: str) -> RandomWalker:
        used.append((device, runtime))
        return RandomWalker()

    monkeypatch.setattr("monailabel_app.lib.models.prompted.load_click_model", load)
    conf = {"state_dir": str(tmp_path / "state"), "models": "unet", "device": "cpu", "runtime": "onnx"}
    (tmp_path / "images").mkdir()
    MammosegApp(str(APP_DIR), str(tmp_path / "images"), conf).outliners[BUNDLE].model.load()
    assert used == [("cpu", "onnx")]


class AllOfIt:
    """A model that outlines the whole image."""

    name = "all"

    def prepare(self, image: np.ndarray) -> np.ndarray:
        return image

    def segment(self, prepared: np.ndarray, prompts: Prompts) -> np.ndarray:
        return np.ones(prepared.shape, bool)


@pytest.mark.parametrize(("pixel_mm", "pixels"), [(1.0, 5), (0.5, 10), (2.0, 2), (None, CLICK_RADIUS_PIXELS)])
def test_a_click_outside_reaches_5_mm_or_10_pixels_where_no_size_is_known(pixel_mm, pixels):
    everywhere = np.ones((1, 60), bool)
    looked = LookedAt(everywhere.astype(np.float32), everywhere, None, pixel_mm)
    outliner = Outliner(AllOfIt(), Assistance("all", "1"), LookedAtImages(2**20, ("MG",)), description="all")
    clicked = Said(Prompts(foreground=np.array([[0.0, 59.0]]), background=np.array([[0.0, 0.0]])))
    left = outliner.outline(looked, everywhere, clicked).outline.to_mask(everywhere.shape)
    assert left[0].nonzero()[0].tolist() == list(range(int(pixels) + 1, 60))
