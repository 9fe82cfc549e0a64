"""A folder of mammograms as datastore: each instance is an image, a label is what a person drew on it."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException

from mammoseg.data.masks import read_mask
from mammoseg.errors import InputRefusedError, MammosegError, WrongCallError
from monailabel_app.lib.datastore import InstanceDatastore, open_datastore
from tests.label.made_store import VIEWS, as_slicer_writes, made_mask, mask_of, opened, write_views
from tests.made_dicom import SYNTHESIZED, write_mammogram
from tests.tiny_run import write_tiny_dataset


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    """A key of patients' codes for the test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def studies(tmp_path) -> Path:
    """Four views in a sub-folder."""
    (tmp_path / "studies" / "deep" / "er").mkdir(parents=True)
    write_views(tmp_path / "studies" / "deep" / "er")
    return tmp_path / "studies"


@pytest.fixture
def store(studies, tmp_path):
    with opened(studies, tmp_path / "state", refresh_seconds="0") as store:
        yield store


def sop(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def save(store: InstanceDatastore, image_id: str, mask: np.ndarray, folder: Path, suffix: str = ".nii.gz") -> str:
    path = as_slicer_writes(mask, Path(store.get_image_uri(image_id)), folder / f"upload{suffix}")
    return store.save_label(image_id, str(path), "final", {})


@pytest.mark.parametrize("one_series", [True, False], ids=["one series", "a series each"])
def test_four_views_of_a_study_are_four_images_whatever_series_they_are_in(tmp_path, one_series):
    attributes = {"SeriesInstanceUID": "1.2.3.4"} if one_series else None
    paths = write_views(tmp_path / "studies", attributes=attributes)
    with opened(tmp_path / "studies", tmp_path / "state") as store:
        assert store.list_images() == sorted(map(sop, paths))
        for path, (_, _, shape) in zip(paths, VIEWS, strict=True):
            assert store.get_image_uri(sop(path)) == str(path)
            save(store, sop(path), made_mask(shape), tmp_path)
            assert np.array_equal(mask_of(store, sop(path)), made_mask(shape))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
def test_a_label_comes_back_pixel_for_pixel(store, tmp_path, suffix):
    for image_id in store.list_images():
        image = pydicom.dcmread(store.get_image_uri(image_id))
        mask = made_mask((image.Rows, image.Columns))
        save(store, image_id, mask, tmp_path, suffix)
        assert np.array_equal(mask_of(store, image_id), mask)
        assert np.array_equal(read_mask(store.get_label_uri(image_id, "final")), mask)  # as training reads it


def test_a_final_label_is_a_seg_by_a_person_with_a_segment_a_region(store, tmp_path, dciodvfy):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    path = as_slicer_writes(
        made_mask((image.Rows, image.Columns)), Path(store.get_image_uri(image_id)), tmp_path / "l.nrrd"
    )
    label_id = store.save_label(image_id, str(path), "final", {"user": "dr\x00rossi^"})
    seg = pydicom.dcmread(store.files.locate_segmentation(label_id))
    assert seg.SOPInstanceUID == seg.file_meta.MediaStorageSOPInstanceUID == label_id
    assert [segment.SegmentAlgorithmType for segment in seg.SegmentSequence] == ["MANUAL", "MANUAL"]
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Mass"
    modifier = seg.SegmentSequence[0].AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0]
    assert modifier.CodeMeaning == {"L": "Left", "R": "Right"}[image.ImageLaterality]
    assert str(seg.ContentCreatorName) == "dr rossi"
    assert store.get_label_info(label_id, "final")["user"] == "dr\x00rossi^"
    import subprocess

    told = subprocess.run([dciodvfy, store.files.locate_segmentation(label_id)], capture_output=True, text=True).stderr
    assert "Error" not in told


def test_masses_that_a_client_names_stay_apart_where_they_touch(store, tmp_path):
    image_id = store.list_images()[0]
    path = Path(store.get_image_uri(image_id))
    image = pydicom.dcmread(path)
    label = np.zeros((image.Rows, image.Columns), np.uint8)
    label[3:9, 2:12], label[3:9, 12:20], label[20:24, 5:9] = 1, 2, 1
    slicer = sitk.GetImageFromArray(label.reshape(sitk.ReadImage(str(path)).GetSize()[::-1]))
    slicer.CopyInformation(sitk.ReadImage(str(path)))
    sitk.WriteImage(slicer, str(tmp_path / "l.nrrd"))
    named = {"label_info": [{"name": "Mass A", "idx": 1}, {"name": "Mass B", "idx": 2}]}
    label_id = store.save_label(image_id, str(tmp_path / "l.nrrd"), "final", named)
    frames = pydicom.dcmread(store.files.locate_segmentation(label_id)).pixel_array
    assert [int(frame.sum()) for frame in frames] == [60, 48, 16]
    assert np.array_equal(frames[1] == 1, label == 2)


def test_an_empty_label_says_that_there_is_nothing(store, tmp_path):
    image_id = store.list_images()[0]
    rows, columns = store.index.get_image(image_id).rows, store.index.get_image(image_id).columns
    image = pydicom.dcmread(store.get_image_uri(image_id))
    save(store, image_id, np.zeros((image.Rows, image.Columns), bool), tmp_path)
    assert (rows, columns) == (None, None)
    assert store.get_labeled_images() == [image_id]
    assert image_id not in store.get_unlabeled_images()
    assert not mask_of(store, image_id).any()


def test_a_second_save_supersedes_and_the_first_stays(store, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    first, second = made_mask((image.Rows, image.Columns)), np.zeros((image.Rows, image.Columns), bool)
    second[5:9, 5:9] = True
    ids = [save(store, image_id, mask, tmp_path) for mask in (first, second, first)]
    assert len(set(ids)) == 3
    assert all(store.files.locate_segmentation(label_id).exists() for label_id in ids)
    assert store.get_label_by_image_id(image_id, "final") == ids[2]
    assert np.array_equal(mask_of(store, image_id), first)


def test_of_saves_at_the_same_time_each_is_whole_and_the_latest_counts(store, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    masks = []
    for number in range(6):
        masks.append(np.zeros((image.Rows, image.Columns), bool))
        masks[-1][number : 10 + 3 * number, 2 : 9 + number] = True
    uploads = [
        as_slicer_writes(mask, Path(store.get_image_uri(image_id)), tmp_path / f"{number}.nrrd")
        for number, mask in enumerate(masks)
    ]
    with ThreadPoolExecutor(6) as clients:
        ids = list(clients.map(lambda upload: store.save_label(image_id, str(upload), "final", {}), uploads))
    assert len(set(ids)) == 6
    for label_id, mask in zip(ids, masks, strict=True):
        assert np.array_equal(read_mask(store.get_label_uri(label_id, "final")), mask)
    latest = max(ids, key=lambda label_id: store.index.get_label(label_id).seconds)
    assert store.get_label_by_image_id(image_id, "final") == latest
    assert store.status()["labels_waiting"] == 0


def test_the_last_save_wins_also_when_the_clock_jumps_back(store, tmp_path, monkeypatch):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    monkeypatch.setattr("monailabel_app.lib.datastore.saver.time.time", lambda: 1e9)
    last = save(store, image_id, np.zeros((image.Rows, image.Columns), bool), tmp_path)
    assert store.get_label_by_image_id(image_id, "final") == last


def test_labels_are_found_again_after_a_restart_and_after_the_index_is_lost(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[2]
        image = pydicom.dcmread(store.get_image_uri(image_id))
        label_id = save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
        index = tmp_path / "state" / "datastore" / store._folder.name / "index.sqlite3"
    with opened(studies, tmp_path / "state") as store:
        assert store.get_label_by_image_id(image_id, "final") == label_id
    for file in index.parent.glob("index.sqlite3*"):
        file.unlink()
    with opened(studies, tmp_path / "state") as store:
        assert store.list_images()
        assert store.get_label_by_image_id(image_id, "final") == label_id
        assert np.array_equal(mask_of(store, image_id), made_mask((image.Rows, image.Columns)))


def test_what_a_model_drew_is_kept_and_is_no_label(store, tmp_path):
    image_id = store.list_images()[0]
    image = pydicom.dcmread(store.get_image_uri(image_id))
    mask = made_mask((image.Rows, image.Columns))
    path = as_slicer_writes(mask, Path(store.get_image_uri(image_id)), tmp_path / "model.nrrd")
    for version in (1, 2):
        store.save_label(image_id, str(path), "original", {"model": "unet", "params": {"version": version}})
    assert store.get_label_info(image_id, "original") == {"model": "unet", "params": {"version": 2}}
    assert store.get_label_by_image_id(image_id, "original") == image_id
    assert store.get_labeled_images() == []
    assert store.list_human_labels() == []
    assert np.array_equal(read_mask(store.get_label_uri(image_id, "original")), mask)


def test_human_labels_are_grouped_by_patient_without_naming_one(store, tmp_path):
    for image_id in store.list_images():
        image = pydicom.dcmread(store.get_image_uri(image_id))
        save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    labels = store.list_human_labels()
    assert [label["image_id"] for label in labels] == store.list_images()
    assert len({label["patient_id"] for label in labels}) == 1
    assert "CANARY" not in str(labels) + str(store.json()) + str([store.get_image_info(i) for i in store.list_images()])


def test_no_name_of_a_patient_is_in_a_file_of_ours_but_in_dicom(store, tmp_path, caplog):
    caplog.set_level(0)
    for image_id in store.list_images():
        image = pydicom.dcmread(store.get_image_uri(image_id))
        save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert len(files) >= 8
    for path in files:
        assert "CANARY" not in str(path)
        assert path.suffix == ".dcm" or b"CANARY" not in path.read_bytes()
    assert "CANARY" not in caplog.text


def test_the_folder_itself_is_never_changed(studies, tmp_path):
    before = {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()}
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        image = pydicom.dcmread(store.get_image_uri(image_id))
        save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    assert {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()} == before


def test_pictures_have_ids_by_their_path_and_labels_as_nifti(tmp_path):
    import cv2

    pixels = np.arange(40 * 30).reshape(40, 30).astype(np.uint16)
    names = ["a/one.png", "a.one.png", "a/two.tif", "ü b/drei.png", f"{'x' * 140}.png"]
    for name in names:
        (tmp_path / "studies" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "studies" / name), pixels)
    with opened(tmp_path / "studies", tmp_path / "state") as store:
        ids = store.list_images()
        assert len(ids) == 5 and "a.two" in ids and "a.one" in ids
        assert all(store.get_patient_group(image_id) == image_id for image_id in ids)
        for image_id in ids:
            upload = tmp_path / "label.png"
            cv2.imwrite(str(upload), made_mask((40, 30)).astype(np.uint8) * 255)
            store.save_label(image_id, str(upload), "final", {})
            assert np.array_equal(mask_of(store, image_id), made_mask((40, 30)))
        assert len(store.list_human_labels()) == 5
        folder = store._folder
    for file in folder.glob("index.sqlite3*"):
        file.unlink()
    with opened(tmp_path / "studies", tmp_path / "state") as store:
        assert store.get_labeled_images() == store.list_images() == ids


def test_new_and_changed_and_removed_files_are_seen(studies, store, tmp_path):
    assert len(store.list_images()) == 4
    write_views(tmp_path / "more", patient="OTHER")
    shutil.copy(tmp_path / "more" / "LCC.dcm", studies / "new.dcm")
    store.refresh()
    assert len(store.list_images()) == 5
    (studies / "new.dcm").unlink()
    store.refresh()
    assert len(store.list_images()) == 4


def label_first_view(store: InstanceDatastore, folder: Path) -> tuple[Path, str]:
    """Save a label of an image; its file, and the label's id."""
    image_id = store.list_images()[0]
    path = Path(store.get_image_uri(image_id))
    return path, save(store, image_id, made_mask(pydicom.dcmread(path).pixel_array.shape), folder)


@pytest.mark.parametrize("place", ["a/LCC.dcm", "z/LCC.dcm"])
def test_a_file_that_is_moved_keeps_its_image_and_its_label(studies, store, tmp_path, place):
    path, label_id = label_first_view(store, tmp_path)
    ids = store.list_images()
    (studies / place).parent.mkdir()
    path.rename(studies / place)
    store.refresh()
    assert store.list_images() == ids and store.get_image_uri(sop(studies / place)) == str(studies / place)
    assert (
        store.get_labels_by_image_id(sop(studies / place))["final"]
        == label_id
        == store.list_human_labels()[0]["label_id"]
    )


def test_of_copies_any_can_go_and_the_image_stays_with_its_label(studies, store, tmp_path):
    path, label_id = label_first_view(store, tmp_path)
    image_id = sop(path)
    copies = [studies / "a.dcm", studies / "z.dcm"]
    for copy in copies:
        shutil.copy(path, copy)
    store.refresh()
    for gone in (path, *copies[::-1]):
        assert len(store.list_images()) == 4 and store.list_human_labels()[0]["label_id"] == label_id
        assert store.get_image_uri(image_id) in map(str, studies.rglob("*.dcm"))
        gone.unlink()
        store.refresh()
    assert len(store.list_images()) == 3


def test_two_files_that_change_their_names_keep_their_images(studies, store):
    ids = store.list_images()
    first, second, *_ = sorted(studies.rglob("*.dcm"))
    uids = sop(first), sop(second)
    first.rename(studies / "kept")
    second.rename(first)
    (studies / "kept").rename(second)
    store.refresh()
    assert store.list_images() == ids and [store.get_image_uri(uid) for uid in uids] == [str(second), str(first)]


@pytest.mark.parametrize("names", ["az", "za"])
def test_of_copies_of_a_label_of_another_tool_any_can_go(studies, store, tmp_path, names):
    path, label_id = label_first_view(store, tmp_path)
    copies = [studies / f"{name}.dcm" for name in names]
    for copy in copies:
        shutil.copy(store.files.locate_segmentation(label_id), copy)
    with opened(studies, tmp_path / "other", refresh_seconds="0") as other:
        for gone in copies:
            other.refresh()
            assert other.get_labels_by_image_id(sop(path)) == {"final": label_id}
            gone.unlink()
        other.refresh()
        assert other.get_labels_by_image_id(sop(path)) == {}


def test_a_copy_is_not_read_again_as_long_as_the_other_file_stands(studies, store, monkeypatch):
    shutil.copy(next(studies.rglob("LCC.dcm")), studies / "a.dcm")
    store.refresh()
    monkeypatch.setattr("monailabel_app.lib.datastore.folder.detect_file_format", None)
    store.refresh()
    assert len(store.list_images()) == 4


@pytest.mark.parametrize(
    "image_id", ["../x", "/etc/passwd", "", "x" * 300, "1.2.3", "a\0b", "..", "%2e%2e", "' OR 1=1 --"]
)
def test_an_unknown_id_is_not_found_whatever_it_says(store, tmp_path, image_id):
    store.list_images()
    for call in (store.get_image_uri, store.get_image_info, store.get_patient_group, store.get_labels_by_image_id):
        with pytest.raises(ImageNotFoundException):
            call(image_id)
    with pytest.raises(ImageNotFoundException):
        store.save_label(image_id, str(tmp_path / "none"), "final", {})
    for tag in ("final", "original"):
        with pytest.raises(LabelNotFoundException):
            store.get_label_uri(image_id, tag)


def test_nothing_is_removed(store):
    image_id = store.list_images()[0]
    with pytest.raises(WrongCallError, match="never deleted"):
        store.remove_label(image_id, "final")
    with pytest.raises(WrongCallError, match="not removed"):
        store.remove_image(image_id)


def test_a_refused_label_leaves_nothing_behind(store, tmp_path):
    image_id = store.list_images()[0]
    (tmp_path / "bad.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputRefusedError, match="E_LABEL"):
        store.save_label(image_id, str(tmp_path / "bad.nii.gz"), "final", {})
    assert store.get_labeled_images() == [] and store.status()["labels_waiting"] == 0
    assert list(store.files.folder.rglob("*.*")) == []


def test_add_image_takes_mammograms_only(store, studies, tmp_path):
    new, *_ = write_views(tmp_path / "more", patient="NEW")
    assert store.add_image("whatever", str(new), {"a": 1}) == sop(new)
    assert store.get_image_info(sop(new))["a"] == 1
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputRefusedError):
        store.add_image("text", str(tmp_path / "text.png"), {})
    with pytest.raises(WrongCallError, match="already"):
        store.add_image("whatever", str(new), {})
    import cv2

    cv2.imwrite(str(tmp_path / "p.png"), np.arange(900).reshape(30, 30).astype(np.uint16))
    with pytest.raises(WrongCallError):
        store.add_image("../out", str(tmp_path / "p.png"), {})
    assert not (studies.parent / "out.png").exists()
    assert store.add_image("picture", str(tmp_path / "p.png"), {}) == "picture"


def test_of_two_clients_that_add_an_image_of_one_id_at_once_one_is_refused(store, tmp_path, monkeypatch):
    paths = [write_views(tmp_path / name, patient=name)[0] for name in ("ONE", "OTHER")]
    other = pydicom.dcmread(paths[1])
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = sop(paths[0])
    other.save_as(paths[1])
    both, copy = threading.Barrier(2), shutil.copyfile

    def copy_together(source: Path, target: Path) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        copy(source, target)

    def add(path: Path) -> Path | None:
        with suppress(WrongCallError):
            store.add_image("", str(path), {"from": str(path)})
            return path

    monkeypatch.setattr("monailabel_app.lib.datastore.folder.shutil.copyfile", copy_together)
    with ThreadPoolExecutor(2) as pool:
        (added,) = filter(None, pool.map(add, paths))
    assert Path(store.get_image_uri(sop(added))).read_bytes() == added.read_bytes()
    assert store.get_image_info(sop(added))["from"] == str(added)


def test_one_server_at_a_time_has_a_source(store, studies, tmp_path, monkeypatch):
    monkeypatch.setattr("monailabel_app.lib.datastore.mammograms.TAKE_OVER_SECONDS", 0.1)
    with pytest.raises(MammosegError, match="another process"), opened(studies, tmp_path / "state"):
        pass


def test_an_image_is_leased_to_one_person_until_the_lease_ends_or_the_label_is_saved(store, tmp_path):
    first, second = store.list_images()[:2]
    assert store.lease(first, "ada") and store.lease(first, "ada")
    assert not store.lease(first, "bob")
    assert store.lease(second, "ada", seconds=-1) and store.lease(second, "bob")
    image = pydicom.dcmread(store.get_image_uri(first))
    save(store, first, made_mask((image.Rows, image.Columns)), tmp_path)
    assert store.lease(first, "bob")
    with pytest.raises(ImageNotFoundException):
        store.lease("1.2", "bob")


def test_scores_are_kept(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        store.update_image_info(image_id, {"score": 0.5})
        store.update_image_info(image_id, {"strategy": {"random": 1}})
    with opened(studies, tmp_path / "state") as store:
        assert store.get_image_info(image_id)["score"] == 0.5
        assert store.json()["objects"][image_id]["image"]["info"]["strategy"] == {"random": 1}


def test_the_dataset_archive_holds_images_and_masks(store, tmp_path):
    import zipfile

    for image_id in store.list_images()[:2]:
        image = pydicom.dcmread(store.get_image_uri(image_id))
        save(store, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
    first, second = store.list_images()[:2]
    with zipfile.ZipFile(store.get_dataset_archive(None)) as archive:
        names = {f"{kind}/{i}{end}" for i in (first, second) for kind, end in (("image", ".dcm"), ("label", ".nii.gz"))}
        assert set(archive.namelist()) == names | {"metadata.json"}
    with zipfile.ZipFile(store.get_dataset_archive(1)) as archive:
        assert len(archive.namelist()) == 3


def test_other_modalities_are_seen_in_a_folder_that_is_known(studies, tmp_path):
    (path, *_) = studies.rglob("LCC.dcm")
    image = pydicom.dcmread(path)
    image.Modality = "CR"
    image.save_as(path)
    for modalities, count in (("MG", 3), ("MG,CR", 4), ("CR", 1)):
        with opened(studies, tmp_path / "state", modalities=modalities, refresh_seconds="0") as store:
            store.refresh()
            assert len(store.list_images()) == count


def test_a_file_that_is_left_out_is_named_with_the_reason(studies, tmp_path, caplog):
    (path, *_) = studies.rglob("LCC.dcm")
    image = pydicom.dcmread(path)
    image.Modality = "CR"
    image.save_as(path)
    (studies / "notes").write_text("no image")
    caplog.set_level("INFO")
    with opened(studies, tmp_path / "state") as store:
        assert len(store.list_images()) == 3
    assert "'deep/er/LCC.dcm' is left out: E_MODALITY: it is no image of modality MG; --conf modalities" in caplog.text
    assert "'notes' is left out: E_" in caplog.text


def test_a_synthesized_image_in_the_class_of_tomosynthesis_is_listed_and_a_volume_is_not(tmp_path, caplog):
    for name, frames in (("synthesized", 1), ("volume", 40)):
        (tmp_path / "studies" / name).mkdir(parents=True)
        pixels = np.concatenate([np.arange(2500, dtype=np.uint16).reshape(50, 50)] * frames)
        attributes = {"SOPInstanceUID": f"1.2.{frames}", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}
        attributes |= SYNTHESIZED | {"NumberOfFrames": frames, "Rows": 50}
        write_mammogram(tmp_path / "studies" / name, pixels, **attributes)
    caplog.set_level("INFO")
    with opened(tmp_path / "studies", tmp_path / "state") as store:
        assert store.list_images() == ["1.2.1"]
    assert "'volume/mammogram.dcm' is left out: E_MULTIFRAME: " in caplog.text


def test_masks_of_a_datalist_are_no_mammograms(tmp_path):
    write_tiny_dataset(tmp_path / "data", {"training": 2, "validation": 0, "test": 0})
    masks, hidden = tmp_path / "data" / "masks", tmp_path / "data" / "drawn"
    masks.rename(hidden)  # a name that says nothing
    datalist = tmp_path / "data" / "datalist.json"
    datalist.write_text(datalist.read_text().replace("masks/", "drawn/"))
    with opened(tmp_path / "data", tmp_path / "state") as store:
        assert sorted(store.list_images()) == ["images.training-0", "images.training-1"]


def test_a_film_as_secondary_capture_is_a_mammogram_by_option(studies, tmp_path):
    (path, *_) = studies.rglob("LCC.dcm")
    image = pydicom.dcmread(path)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    image.Modality = "OT"
    image.save_as(path)
    with opened(studies, tmp_path / "state", modalities="OT") as store:
        assert store.list_images() == [image.SOPInstanceUID]
        save(store, image.SOPInstanceUID, made_mask((image.Rows, image.Columns)), tmp_path)
        assert np.array_equal(mask_of(store, image.SOPInstanceUID), made_mask((image.Rows, image.Columns)))


def test_a_link_that_leads_out_of_the_folder_is_no_image_and_no_label(studies, tmp_path):
    (outside,) = [path for path in write_views(tmp_path / "outside", patient="OTHER") if path.name == "LCC.dcm"]
    (studies / "link.dcm").symlink_to(outside)
    with opened(studies, tmp_path / "own") as own:
        image_id = own.list_images()[0]
        image = pydicom.dcmread(own.get_image_uri(image_id))
        label_id = save(own, image_id, made_mask((image.Rows, image.Columns)), tmp_path)
        shutil.copy(own.files.locate_segmentation(label_id), studies / "another_tool.dcm")
    with opened(studies, tmp_path / "state", refresh_seconds="3600") as store:
        assert len(store.list_images()) == 4 and sop(outside) not in store.list_images()
        for path, get in (
            (Path(store.get_image_uri(image_id)), lambda: store.get_image_uri(image_id)),
            (studies / "another_tool.dcm", lambda: store.get_label_uri(label_id, "final")),
        ):
            path.rename(path.with_suffix(".kept"))
            path.symlink_to(outside)  # after the list was made
            with pytest.raises(InputRefusedError, match="leads out of the folder"):
                get()
            path.with_suffix(".kept").replace(path)


@pytest.mark.parametrize("value", ["x", "-1", "nan", "inf"])
def test_a_setting_that_is_no_number_is_refused(studies, tmp_path, value):
    with pytest.raises(WrongCallError, match="refresh_seconds"), opened(studies, tmp_path / "s", refresh_seconds=value):
        pass


def test_an_empty_name_is_not_the_folder_it_was_started_in(tmp_path):
    with pytest.raises(WrongCallError, match="--studies is ''; name a folder with mammograms"):
        open_datastore("", {}, tmp_path / "state")


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="no folder"), opened(tmp_path / "none", tmp_path / "state"):
        pass


def test_a_label_of_more_than_half_of_its_image_is_refused_unless_large_masks_are_let_in(studies, tmp_path):
    with opened(studies, tmp_path / "state") as store:
        image_id = store.list_images()[0]
        image = pydicom.dcmread(store.get_image_uri(image_id))
        inverted = ~made_mask((image.Rows, image.Columns))
        with pytest.raises(InputRefusedError, match="E_MASK_AREA: the mask covers .* inverted"):
            save(store, image_id, inverted, tmp_path)
        assert (store.get_labeled_images(), list((tmp_path / "state").rglob("*.nii.gz"))) == ([], [])
    with opened(studies, tmp_path / "state", large_masks="true") as store:
        save(store, image_id, inverted, tmp_path)
        assert np.array_equal(mask_of(store, image_id), inverted)
