"""The routes of the page to annotate: what they answer, and what they refuse with one sentence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from fastapi.testclient import TestClient

from mammoseg.data.grid import read_grid
from mammoseg.data.masks import read_mask
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.server.routes import annotate
from tests.label.fake_app import FakeApp
from tests.label.made_store import opened, write_views

API = "/annotate/api"


class StoreApp(FakeApp):
    """The fake app with a real store."""

    def __init__(self, folder: Path, store: object) -> None:
        super().__init__(folder)
        self.store = store  # type: ignore[assignment]  # a real one


@pytest.fixture
def fake_app(tmp_path: Path) -> Iterator[FakeApp]:
    """A study of four DICOM views, and two pictures whose names tell side and view."""
    folder = tmp_path / "studies"
    folder.mkdir()
    write_views(folder)
    for name in ("P_00001_LEFT_CC", "P_00001_LEFT_MLO"):
        cv2.imwrite(str(folder / f"{name}.png"), np.arange(600, dtype=np.uint8).reshape(30, 20))
    with opened(folder, tmp_path / "store-state") as store:
        store.list_images()
        (tmp_path / "fake").mkdir()
        app = StoreApp(tmp_path / "fake", store)
        app.strategies = {"first": lambda request, store: {"id": store.list_images()[0]}}
        yield app


Headers = dict[str, str]


@pytest.fixture
def people(token: Callable[[str], Headers]) -> tuple[Headers, Headers]:
    """Two annotators."""
    return token("annotator"), token("admin")


def save(client: TestClient, headers: Headers, mask: np.ndarray, **more: object) -> object:
    body = {
        "image": "P_00001_LEFT_CC",
        "masses": [{"mask": vars(RunLengths.from_mask(mask)), "assessment": "4A"}],
        **more,
    }
    return client.post(f"{API}/save", json=body, headers=headers)


def made_mask() -> np.ndarray:
    mask = np.zeros((30, 20), bool)
    mask[4:9, 3:7] = True
    return mask


def test_pixels_leave_decoded_and_their_header_says_side_view_and_what_hangs_beside(serve, people):
    client = serve()
    answer = client.get(f"{API}/image?image=P_00001_LEFT_CC", headers=people[0])
    facts = json.loads(answer.headers[annotate.FACTS_HEADER])
    assert (facts["rows"], facts["columns"], facts["side"], facts["view"]) == (30, 20, "L", "CC")
    assert facts["beside"] == [{"image": "P_00001_LEFT_MLO", "side": "L", "view": "MLO"}]
    grey = np.frombuffer(answer.content, "<u2").reshape(30, 20)
    assert (grey[0, :4] == [0, 257, 514, 771]).all(), "255 is 65,535"


def test_the_views_of_a_study_hang_beside_each_other(serve, people, fake_app):
    client = serve()
    image = next(uid for uid in fake_app.store.list_images() if fake_app.store.require_image(uid).study)
    facts = json.loads(client.get(f"{API}/image?image={image}", headers=people[0]).headers[annotate.FACTS_HEADER])
    names = {(view["side"], view["view"]) for view in [*facts["beside"], facts]}
    assert names == {("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "MLO")}


def test_what_is_saved_is_what_was_sent_and_its_reader_gets_it_again(serve, people, fake_app):
    client, (ada, _), mask = serve(), people, made_mask()
    answer = save(client, ada, mask)
    assert answer.status_code == 200
    assert (read_mask(fake_app.store.get_label_uri(answer.json()["label"], "final")) == mask).all()
    of = {"image": "P_00001_LEFT_CC"}
    drawn = client.post(f"{API}/open", json=of, headers=ada).json()["drawn"]
    assert (RunLengths.from_json(**drawn["masses"][0]["mask"]).to_mask((30, 20)) == mask).all()
    assert drawn["masses"][0]["assessment"] == "4A"


TOUCHING = [(slice(4, 9), slice(3, 7)), (slice(4, 9), slice(7, 12)), (slice(9, 12), slice(3, 5))]
"""Rows and columns of a mass, of one that touches it, and of a second part of the first, in every image here."""


@pytest.mark.parametrize("kind", ["picture", "DICOM"])
def test_masses_that_touch_stay_apart_in_what_is_saved_and_read_back(serve, people, fake_app, kind):
    client, (ada, _), store = serve(), people, fake_app.store
    image = next(uid for uid in store.list_images() if bool(store.require_image(uid).study) == (kind == "DICOM"))
    shape = read_grid(Path(store.get_image_uri(image))).shape
    first, second, further = (np.zeros(shape, bool) for _ in TOUCHING)
    for mask, place in zip((first, second, further), TOUCHING, strict=True):
        mask[place] = True
    drawn = [(first | further, "5"), (second, ""), (np.roll(first, (10, 8), (0, 1)), "4A")]
    masses = [{"mask": vars(RunLengths.from_mask(mask)), "assessment": said} for mask, said in drawn]
    label = client.post(f"{API}/save", json={"image": image, "masses": masses}, headers=ada).json()["label"]
    if kind == "DICOM":
        segmentation = pydicom.dcmread(store.files.locate_segmentation(label))
        frames = segmentation.pixel_array.astype(bool)
        assert all(np.array_equal(frame, mask) for frame, (mask, _) in zip(frames, drawn, strict=True))
        said = [segment.get("SegmentDescription") for segment in segmentation.SegmentSequence]
        assert said == ["BI-RADS 5", None, "BI-RADS 4A"]
    back = client.post(f"{API}/open", json={"image": image}, headers=ada).json()["drawn"]["masses"]
    found = [(RunLengths.from_json(**one["mask"]).to_mask(shape), one["assessment"]) for one in back]
    assert all(np.array_equal(mask, wanted) for (mask, _), (wanted, _) in zip(found, drawn, strict=True))
    assert [said for _, said in found] == ["5", "", "4A"]
    whole = np.logical_or.reduce([mask for mask, _ in drawn])
    assert np.array_equal(read_mask(store.get_label_uri(label, "final")), whole), "as training reads it"
    readers = client.get(f"{API}/readings?image={image}", headers=ada).json()["readers"]
    assert readers == {"the annotator": 3}


def test_who_has_a_case_is_said_and_nobody_else_saves_it(serve, people):
    client, (ada, admin) = serve(), people
    of = {"image": "P_00001_LEFT_CC"}
    assert client.post(f"{API}/open", json=of, headers=ada).json()["held_by"] == ""
    assert client.post(f"{API}/open", json=of, headers=admin).json()["held_by"] == "the annotator"
    refused = save(client, admin, made_mask())
    assert refused.status_code == 409 and refused.json()["detail"].startswith("the annotator has this image")
    assert {"image": of["image"], "labelled": False, "held_by": "the annotator"} in client.get(
        f"{API}/cases", headers=admin
    ).json()


def test_a_second_reader_sees_nothing_of_the_first_and_then_how_far_they_agree(serve, people, fake_app):
    client, (ada, admin), mask = serve(), people, made_mask()
    assert client.post(f"{API}/next", json={}, headers=admin).json() == {"image": ""}
    first = save(client, ada, mask).json()["label"]
    image = client.post(f"{API}/next", json={}, headers=admin).json()["image"]
    assert image == "P_00001_LEFT_CC", "read once, and not by this reader"
    assert client.post(f"{API}/open", json={"image": image}, headers=admin).json()["drawn"] is None
    assert client.get(f"{API}/readings?image={image}", headers=admin).json()["code"] == "E_BLIND"
    mask[4:9, 5:7] = False
    save(client, admin, mask)
    found = client.get(f"{API}/readings?image={image}", headers=admin).json()
    assert found["readers"] == {"the admin": 1, "the annotator": 1}
    assert found["agreement"] == [{"readers": ["the admin", "the annotator"], "dice": 0.6667}], "2 * 10 / (10 + 20)"
    assert read_mask(fake_app.store.get_label_uri(first, "final")).sum() == 20, "both are kept"
    assert client.post(f"{API}/next", json={}, headers=ada).json() == {"image": ""}, "read twice"


def test_a_label_is_withdrawn_by_its_reader_alone_and_stays_so_without_the_index(serve, people, fake_app, tmp_path):
    client, (ada, admin) = serve(), people
    store, of = fake_app.store, {"image": "P_00001_LEFT_CC"}
    first, second = (save(client, ada, made_mask()).json()["label"] for _ in range(2))
    assert client.post(f"{API}/withdraw", json={"label": second}, headers=admin).status_code == 409
    assert client.post(f"{API}/withdraw", json={"label": second}, headers=ada).status_code == 200
    assert client.post(f"{API}/open", json=of, headers=ada).json()["drawn"]["label"] == first, "counts again"
    client.post(f"{API}/withdraw", json={"label": first}, headers=ada)
    assert store.get_labeled_images() == [] and store.files.is_written(first), "nothing is deleted"
    assert store.files.find_again(set()) == []
    assert client.post(f"{API}/withdraw", json={"label": first}, headers=ada).status_code == 409


def test_a_note_of_another_takes_no_label_from_its_reader_and_lifts_no_blind(serve, people, fake_app):
    client, (ada, admin), mask = serve(), people, made_mask()
    label = save(client, ada, mask).json()["label"]
    before = fake_app.store.get_label_info(label, "final")
    address = {"label": label, "tag": "final"}
    assert client.put("/datastore/label/info", params=address, headers=admin).status_code == 200
    assert fake_app.store.get_label_info(label, "final") == before | {"noted_by": "the admin"}
    assert client.get(f"{API}/readings?image=P_00001_LEFT_CC", headers=admin).json()["code"] == "E_BLIND"
    assert client.post(f"{API}/withdraw", json={"label": label}, headers=admin).status_code == 409
    assert client.post(f"{API}/withdraw", json={"label": label}, headers=ada).status_code == 200


def test_a_skipped_image_is_free_for_others_and_not_offered_again(serve, people, fake_app):
    client, (ada, admin) = serve(), people
    of = {"image": "P_00001_LEFT_CC"}
    client.post(f"{API}/open", json=of, headers=ada)
    assert client.post(f"{API}/skip", json={**of, "reason": ""}, headers=ada).status_code == 422
    assert client.post(f"{API}/skip", json={**of, "reason": "an implant"}, headers=ada).status_code == 200
    assert fake_app.store.get_image_info(of["image"])["skipped"] == {"the annotator": "an implant"}
    assert client.post(f"{API}/open", json=of, headers=admin).json()["held_by"] == ""


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"masses": []}, 422, "outline a mass, or say that there is none"),
        ({"no_mass": True}, 422, "outline a mass, or say that there is none"),
        ({"masses": [{"mask": {"box": [0, 0, 30, 21], "counts": [630]}}]}, 422, "outside of the image (30 rows, 20 "),
        ({"masses": [{"mask": {"box": [0, 0, 2, 2], "counts": [5]}}]}, 422, "do not add up to the 4 pixels"),
        ({"masses": [{"mask": {"box": None, "counts": []}}]}, 422, "a mass without a pixel of its own is none"),
        ({"masses": 2 * [{"mask": {"box": [0, 0, 2, 2], "counts": [0, 4]}}]}, 422, "without a pixel of its own"),
        ({"masses": [{"mask": {"box": [0, 0, -1, 2], "counts": []}}]}, 422, "greater_than_equal"),
        ({"image": "../etc"}, 400, "an image or label id"),
        ({"image": "unknown"}, 404, "no such image"),
        ({"more": 1}, 422, "extra_forbidden"),
    ],
)
def test_a_wrong_label_is_refused_and_nothing_of_it_is_kept(serve, people, fake_app, change, status, sentence):
    answer = save(serve(), people[0], made_mask(), **change)
    assert (answer.status_code, sentence in str(answer.json()["detail"])) == (status, True), answer.text
    assert fake_app.store.get_labeled_images() == []


def test_no_mass_here_is_a_label(serve, people, fake_app):
    answer = save(serve(), people[0], made_mask(), masses=[], no_mass=True)
    assert not read_mask(fake_app.store.get_label_uri(answer.json()["label"], "final")).any()


def test_a_viewer_gets_the_page_and_nothing_to_draw_on(serve, token, monkeypatch, tmp_path):
    viewer = token("viewer")
    (tmp_path / "index.html").write_text("the page")
    monkeypatch.setattr(annotate, "BUILT", tmp_path)
    client = serve()
    page = client.get("/annotate/", headers=viewer)
    assert page.text == "the page" and "'self'" in page.headers["content-security-policy"]
    assert client.get(f"{API}/start", headers=viewer).status_code == 403
    assert client.get("/annotate/../index.html", headers=viewer).status_code == 404


def test_a_page_that_is_not_built_says_how_to_build_it(serve, monkeypatch, tmp_path):
    monkeypatch.setattr(annotate, "BUILT", tmp_path / "nowhere")
    answer = serve().get("/annotate/")
    assert answer.status_code == 404 and "make annotate" in answer.json()["detail"]
