"""A real Orthanc as datastore: listed by instance, labels stored there as SEG and read back, whoever wrote them."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import requests
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from mammoseg.archives.dicomweb.client import ArchiveError
from mammoseg.data.grid import read_grid
from mammoseg.dicom import codes
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.source_header import build_source_header
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import MOST_MASSES
from mammoseg.viewer.archive import LocalArchive
from monailabel_app.lib.datastore import InstanceDatastore
from tests.archives.fake_archive import Request, dicom_json, fake_archive
from tests.label.made_store import VIEWS, as_slicer_writes, made_mask, mask_of, opened, write_views
from tests.made_analysis import WHEN
from tests.made_dicom import SYNTHESIZED
from tests.orthanc import instances_in, orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of patients' codes for the test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def archive(orthanc: LocalArchive, tmp_path: Path) -> LocalArchive:
    """Orthanc with four views of one study, in one series; their files are in ``views``."""
    for path in write_views(tmp_path / "views", attributes={"SeriesInstanceUID": "1.2.3.4"}):
        orthanc.store(path)
    return orthanc


@pytest.fixture
def store(archive: LocalArchive, tmp_path: Path) -> Iterator[InstanceDatastore]:
    with opened(archive.dicomweb, tmp_path / "state", refresh_seconds="0") as store:
        yield store


def views(folder: Path) -> dict[str, Path]:
    """Files by SOP Instance UID."""
    return {str(pydicom.dcmread(path).SOPInstanceUID): path for path in sorted((folder / "views").glob("*.dcm"))}


def save(store: InstanceDatastore, image_id: str, mask: np.ndarray, folder: Path) -> str:
    path = as_slicer_writes(mask, Path(store.get_image_uri(image_id)), folder / "upload.nrrd")
    return store.save_label(image_id, str(path), "final", {"user": "ada"})


def drawn_elsewhere(
    image: Path,
    mask: np.ndarray,
    target: Path,
    *,
    algorithm_type: str = "MANUAL",
    kind: str = "BINARY",
    code: Code = codes.MASS,
) -> Path:
    """A SEG by plain highdicom: what another tool, that knows nothing of us, may store. `mask` may be several."""
    masks = mask if mask.ndim == 3 else mask[np.newaxis]
    source = build_source_header(pydicom.dcmread(image))
    identification = hd.AlgorithmIdentificationSequence(name="other", version="1", family=codes.ARTIFICIAL_INTELLIGENCE)
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label="lesion",
            segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
            segmented_property_type=code,
            algorithm_type=algorithm_type,
            algorithm_identification=None if algorithm_type == "MANUAL" else identification,
        )
        for number in range(1, len(masks) + 1)
    ]
    segmentation = hd.seg.Segmentation(
        source_images=[source],
        pixel_array=np.moveaxis(masks, 0, -1).astype(np.uint8)[np.newaxis],
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=7,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="other",
        manufacturer_model_name="other",
        software_versions="1",
        device_serial_number="1",
    )
    segmentation.save_as(target)
    return target


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_of_another_programs_seg_that_is_uploaded_stay_apart_where_they_touch(store, tmp_path, kind):
    image_id = store.list_images()[0]
    path = Path(store.get_image_uri(image_id))
    masks = np.zeros((2, *read_grid(path).shape), bool)
    masks[0, 3:9, 2:12] = masks[0, 20:24, 5:9] = masks[1, 3:9, 12:20] = True
    upload = drawn_elsewhere(path, masks, tmp_path / "upload.dcm", kind=kind)
    label_id = store.save_label(image_id, str(upload), "final", {"user": "ada"})
    frames = pydicom.dcmread(store.files.locate_segmentation(label_id)).pixel_array
    assert np.array_equal(frames, masks), "the first in two pieces, the second beside it"
    label = store.index.get_label(label_id)
    assert [int(mass.mask.sum()) for mass in store.read_drawn_masses(label)] == [76, 48], (
        "read back from the file alone"
    )
    fused = drawn_elsewhere(path, masks[0], tmp_path / "fused.dcm", kind=kind)
    label_id = store.save_label(image_id, str(fused), "final", {"user": "ada"})
    frames = pydicom.dcmread(store.files.locate_segmentation(label_id)).pixel_array
    assert [int(frame.sum()) for frame in frames] == [60, 16], "of one segment each region is a mass, as before"


def test_a_seg_with_more_segments_than_anybody_draws_is_refused(store, tmp_path):
    image_id = store.list_images()[0]
    path = Path(store.get_image_uri(image_id))
    masks = np.zeros((MOST_MASSES + 1, *read_grid(path).shape), bool)
    masks[:, 5, 5] = True
    upload = drawn_elsewhere(path, masks, tmp_path / "upload.dcm")
    with pytest.raises(InputRefusedError, match="more than 100 segments of mass"):
        store.save_label(image_id, str(upload), "final", {})


def test_four_views_in_one_series_are_four_images(store, tmp_path):
    paths = views(tmp_path)
    assert store.list_images() == sorted(paths)
    for image_id, path in paths.items():
        assert Path(store.get_image_uri(image_id)).read_bytes() == path.read_bytes()
    assert len({store.get_patient_group(image_id) for image_id in paths}) == 1
    assert store.get_image_info(min(paths))["SeriesInstanceUID"] == "1.2.3.4"
    shapes = {(store.index.get_image(image_id).rows, store.index.get_image(image_id).columns) for image_id in paths}
    assert shapes == {shape for _, _, shape in VIEWS}


def test_labels_go_to_the_archive_and_come_back_on_another_computer(store, archive, tmp_path):
    paths = views(tmp_path)
    masks = {}
    for image_id, path in paths.items():
        image = pydicom.dcmread(path)
        masks[image_id] = made_mask((image.Rows, image.Columns))
        save(store, image_id, masks[image_id], tmp_path)
    assert instances_in(archive) == 8
    assert store.status() == {
        "total": 4,
        "completed": 4,
        "label_tags": {"final": 4, "original": 0},
        "labels_waiting": 0,
        "trouble": "",
    }
    with opened(archive.dicomweb, tmp_path / "elsewhere") as other:
        assert other.get_labeled_images() == sorted(paths)
        for image_id, mask in masks.items():
            assert np.array_equal(mask_of(other, image_id), mask)


def test_a_second_save_supersedes_and_both_are_in_the_archive(store, archive, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(views(tmp_path)[image_id])
    first, second = made_mask((image.Rows, image.Columns)), np.zeros((image.Rows, image.Columns), bool)
    for mask in (first, second, first):
        last = save(store, image_id, mask, tmp_path)
    assert instances_in(archive) == 4 + 3
    for state in ("state", "elsewhere"):
        if state == "elsewhere":
            with opened(archive.dicomweb, tmp_path / state) as other:
                assert other.get_label_by_image_id(other.list_images()[0], "final") == last
        store.refresh()
        assert store.get_label_by_image_id(image_id, "final") == last


@pytest.mark.parametrize(
    ("algorithm_type", "kind"),
    [("MANUAL", "BINARY"), ("SEMIAUTOMATIC", "BINARY"), ("MANUAL", "LABELMAP"), ("SEMIAUTOMATIC", "LABELMAP")],
)
def test_what_a_person_drew_with_another_tool_is_a_label(store, archive, tmp_path, algorithm_type, kind):
    image_id, path = min(views(tmp_path).items())
    image = pydicom.dcmread(path)
    mask = made_mask((image.Rows, image.Columns))
    archive.store(drawn_elsewhere(path, mask, tmp_path / "seg.dcm", algorithm_type=algorithm_type, kind=kind))
    assert store.list_images()
    store.refresh()
    assert store.get_labeled_images() == [image_id]
    assert np.array_equal(mask_of(store, image_id), mask)


def test_what_a_model_or_somebody_for_something_else_drew_is_no_label(store, archive, tmp_path):
    path = min(views(tmp_path).items())[1]
    image = pydicom.dcmread(path)
    mask = made_mask((image.Rows, image.Columns))
    ours = Analysis(image, [mask], Algorithm("unet", "1", "ab" * 32, 0.5), WHEN)
    write_object(build_segmentation(ours), tmp_path / "ours.dcm")
    archive.store(tmp_path / "ours.dcm")
    archive.store(drawn_elsewhere(path, mask, tmp_path / "model.dcm", algorithm_type="AUTOMATIC"))
    archive.store(drawn_elsewhere(path, mask, tmp_path / "breast.dcm", code=codes.BREAST))
    store.refresh()
    assert store.get_labeled_images() == []
    assert store.list_human_labels() == []
    assert len(store.get_unlabeled_images()) == 4


def test_a_label_that_is_deleted_in_the_archive_counts_no_more(store, archive, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(views(tmp_path)[image_id])
    label_id = save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    store.refresh()
    assert store.get_labeled_images() == [image_id]
    (found,) = requests.post(f"{archive.url}/tools/lookup", label_id, auth=archive.user, timeout=10).json()
    requests.delete(f"{archive.url}{found['Path']}", auth=archive.user, timeout=10)
    store.refresh()
    assert store.get_labeled_images() == []


def test_while_the_archive_is_away_labels_are_kept_and_sent_when_it_is_back(store, archive, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    path = as_slicer_writes(
        made_mask((image.Rows, image.Columns)), Path(store.get_image_uri(image_id)), tmp_path / "u.nii"
    )
    away = store._quick.url.replace(store._quick.url.split(":")[2].split("/")[0], "9")
    good = store._quick
    object.__setattr__(store, "_quick", type(good)(away, good.session, good.client))
    label_id = store.save_label(image_id, str(path), "final", {})
    assert instances_in(archive) == 4
    assert store.get_label_info(label_id, "final")["is_stored"] is False
    assert "cannot be reached" in store.status()["trouble"] and store.status()["labels_waiting"] == 1
    assert store.get_label_by_image_id(image_id, "final") == label_id
    store.refresh()  # the archive does not list it, and still it is the label
    assert store.get_label_by_image_id(image_id, "final") == label_id
    store._quick = good
    assert store.saver.finish_waiting() == 0
    assert instances_in(archive) == 5
    assert store.status()["trouble"] == ""
    assert store.get_label_info(label_id, "final")["is_stored"] is True


def test_labels_that_wait_are_sent_by_the_next_server(archive, tmp_path):
    with opened(archive.dicomweb, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        image = pydicom.dcmread(store.get_image_uri(image_id))
        store.deliver = lambda entry: None  # as when killed in between
        label_id = save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    assert instances_in(archive) == 4
    with opened(archive.dicomweb, tmp_path / "state") as store:
        end = time.monotonic() + 60
        while store.spool.list_entries() and time.monotonic() < end:
            time.sleep(0.05)
        assert instances_in(archive) == 5
        assert store.get_label_by_image_id(image_id, "final") == label_id


def test_an_archive_that_is_away_gives_a_clear_error_or_what_is_known(archive, tmp_path):
    address = archive.dicomweb
    with opened(address, tmp_path / "state", refresh_seconds="1000") as store:
        known = store.list_images()
        fetched = store.get_image_uri(known[0])
        os.kill(archive.process_id, signal.SIGSTOP)
        try:
            store.archive.session.timeout, store.archive.session.waits = (0.3, 0.3), ()
            assert store.list_images() == known
            assert store.get_image_uri(known[0]) == fetched
            with pytest.raises(ArchiveError, match="does not answer in time"):
                store.get_image_uri(known[1])
            with pytest.raises(ArchiveError):
                store.refresh()
            assert "does not answer" in store.status()["trouble"]
        finally:
            os.kill(archive.process_id, signal.SIGCONT)
        store.archive.session.timeout = (60, 60)
        store.refresh()
        assert store.status()["trouble"] == ""


HOSTILE = {
    "a UID that is a path": {"00080018": {"vr": "UI", "Value": ["../../x"]}},
    "rows of text": {"00280010": {"vr": "US", "Value": ["many"]}},
    "rows of nothing": {"00280010": "x"},
    "a modality of numbers": {"00080060": {"vr": "CS", "Value": [5]}},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_that_answers_nonsense_spoils_no_list(tmp_path, change):
    study = {**dicom_json(t0020000D="1.2", t00100020="CANARY"), "00201208": {"vr": "IS", "Value": ["2"]}}
    image = dicom_json(t00080016="1.2.840.10008.5.1.4.1.1.1.2", t0020000E="1.2.3", t00080060="MG", t00080018="1.2.3.4")
    other = {**image, **dicom_json(t00080018="1.2.3.5"), **change}

    def answer(request: Request) -> None:
        first = "offset=0" in request.path
        request.reply_json(([image, other] if "instances" in request.path else [study]) if first else [])

    with fake_archive(answer) as (fake, _), opened(fake.url, tmp_path / "state") as store:
        assert "1.2.3.4" in store.list_images()
        assert set(store.list_images()) <= {"1.2.3.4", "1.2.3.5"}
        assert "CANARY" not in store.get_patient_group("1.2.3.4")


@pytest.mark.parametrize(("frames", "listed"), [("1", True), ("40", False), (None, False)])
def test_of_the_class_of_tomosynthesis_an_image_of_one_frame_is_listed(tmp_path, frames, listed):
    study = {**dicom_json(t0020000D="1.2", t00100020="P"), "00201208": {"vr": "IS", "Value": ["1"]}}
    image = dicom_json(t00080016=SYNTHESIZED["SOPClassUID"], t0020000E="1.2.3", t00080060="MG", t00080018="1.2.3.4") | (
        {"00280008": {"vr": "IS", "Value": [frames]}} if frames else {}
    )

    def answer(request: Request) -> None:
        first = "offset=0" in request.path
        request.reply_json(([image] if "instances" in request.path else [study]) if first else [])

    with fake_archive(answer) as (fake, _), opened(fake.url, tmp_path / "state") as store:
        assert store.list_images() == (["1.2.3.4"] if listed else [])


def test_only_the_chosen_modalities_are_listed(orthanc, tmp_path):
    write_views(tmp_path / "views")
    for number, modality in enumerate(("MG", "CR", "DX", "CT")):
        path = sorted((tmp_path / "views").glob("*.dcm"))[number]
        image = pydicom.dcmread(path)
        image.Modality = modality
        image.save_as(path)
        orthanc.store(path)
    with opened(orthanc.dicomweb, tmp_path / "a") as store:
        assert len(store.list_images()) == 1
    with opened(orthanc.dicomweb, tmp_path / "b", modalities="MG,CR,DX") as store:
        assert len(store.list_images()) == 3


def test_no_patient_is_named_outside_dicom(store, tmp_path, caplog):
    caplog.set_level(0)
    for image_id in store.list_images():
        image = pydicom.dcmread(views(tmp_path)[image_id])
        save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert "CANARY" not in str(path) and (path.suffix == ".dcm" or b"CANARY" not in path.read_bytes())
    assert "CANARY" not in caplog.text + str(store.json())
