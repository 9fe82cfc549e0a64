"""From a label that a person saved to data for training, through the folder of DICOM files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.datalist import load_section
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom_dicom import write_mammogram
from monailabel_app.lib.datastore import open_datastore
from monailabel_app.lib.models.batch import MassBatchInferTask
from monailabel_app.lib.models.infer import MassInferTask
from monailabel_app.lib.models.job_files import write_labels
from monailabel_app.lib.models.run import infer
from tests.label.tiny_models import served_model, write_picture, write_weights


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Five patients, one image each, all labelled with the mask that `drawn` gives."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for number in range(5):
        picture, _ = write_picture(tmp_path / "pictures" / f"{number}.png", seed=number)
        pixels = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
        write_mammogram(
            tmp_path / "studies" / f"{number}.dcm", pixels, patient_id=f"CANARY-{number}", study=str(number)
        )
    store = open_datastore(str(tmp_path / "studies"), {}, tmp_path / "state")
    for image_id in store.list_images():
        cv2.imwrite(str(tmp_path / "drawn.png"), drawn().astype(np.uint8) * 255)
        store.save_label(image_id, str(tmp_path / "drawn.png"), "final", {"user": "ada"})
    yield store
    store.close()


def drawn() -> np.ndarray:
    """A mask of 64 x 48 that no turn or flip leaves as it is."""
    mask = np.zeros((64, 48), bool)
    mask[10:30, 5:9] = True
    mask[26:30, 5:20] = True
    return mask


def test_training_sees_pixel_for_pixel_what_was_drawn(store, tmp_path):
    write_labels(store.list_human_labels(), tmp_path / "data", key=b"key", split_file=tmp_path / "split.json")
    sections = [load_section(tmp_path / "data" / "datalist.json", name) for name in ("training", "validation", "test")]
    assert [len(records) for records in sections] == [3, 1, 1]
    for record in sum(sections, []):
        assert np.array_equal(read_mask(record["label"]), drawn())


def test_the_data_of_a_training_names_no_patient_and_no_image(store, tmp_path):
    write_labels(store.list_human_labels(), tmp_path / "data", key=b"key", split_file=tmp_path / "split.json")
    text = (tmp_path / "data" / "datalist.json").read_text() + (tmp_path / "split.json").read_text()
    assert "CANARY" not in text and not [image_id for image_id in store.list_images() if image_id in text]


def test_a_mask_that_cannot_be_saved_leaves_no_file_behind(store, tmp_path, monkeypatch):
    task = MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")))
    monkeypatch.setattr(store, "save_label", lambda *_: (tmp_path / "no folder" / "label").touch())
    with pytest.raises(FileNotFoundError):
        infer(task, {"model": "unet", "image": store.list_images()[0]}, store, save=True)


def test_a_mask_of_the_model_is_taken_back_as_its_label(store, tmp_path):
    task = MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")))
    image_id = store.list_images()[0]
    file, params = task({"image": store.get_image_uri(image_id), "result_extension": ".nrrd"})
    assert store.save_label(image_id, file, "original", {"model": "unet", "params": params}) == image_id
    assert store.get_label_info(image_id, "original")["params"]["version"] == 0
    Path(file).unlink()


def test_batch_inference_goes_on_where_it_was(store, tmp_path):
    task = MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")))
    batch = MassBatchInferTask(lambda name: 0)

    def infer_here(request, datastore):
        found = infer(task, request, datastore, save=True)
        return {"file": str(found.file), "params": found.params}

    assert batch({"model": "unet", "images": "all", "max_batch_size": 2}, store, infer_here)["done"] == 2
    progress = batch({"model": "unet", "images": "all"}, store, infer_here)
    assert (progress["skipped"], progress["done"]) == (2, 3)
    assert len(store.list_human_labels()) == 5, "people's labels are untouched"
