"""Batch inference goes over the images that are asked for, tells how far it is, and goes on where it was."""

import pytest

from mammoseg.errors import WrongCallError
from monailabel_app.lib.models.batch import MassBatchInferTask
from monailabel_app.lib.models.infer import MassInferTask
from tests.label.tiny_models import served_model, write_weights


@pytest.fixture
def task(tmp_path):
    return MassInferTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")))


@pytest.fixture
def batch(task):
    return MassBatchInferTask(lambda name: task.model.versions.read_current().number)


@pytest.fixture
def infer(task):
    """As `MONAILabelApp.infer` does it."""

    def run(request, datastore):
        file, params = task({**request, "image": datastore.get_image_uri(request["image"])})
        datastore.save_label(
            request["image"], file, request["label_tag"], {"model": request["model"], "params": params}
        )
        return {"file": file, "params": params}

    return run


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ("all", {"image-0", "image-1", "image-2", "image-3"}),
        ("labeled", {"image-0", "image-1"}),
        ("unlabeled", {"image-2", "image-3"}),
    ],
)
def test_the_images_asked_for_get_a_label_of_the_model(batch, store, infer, images, names):
    progress = batch({"model": "unet", "images": images}, store, infer)
    assert set(store.model_labels) == names
    assert progress["state"] == "done" and progress["done"] == progress["total"] == len(names)


def test_a_second_run_skips_what_is_done(batch, store, infer):
    batch({"model": "unet", "images": "all", "max_batch_size": 3}, store, infer)
    progress = batch({"model": "unet", "images": "all"}, store, infer)
    assert (progress["skipped"], progress["done"]) == (3, 1)
    assert batch({"model": "unet", "images": "all", "force": True}, store, infer)["done"] == 4


def test_another_version_or_threshold_does_it_again(batch, store, infer, task, tmp_path):
    batch({"model": "unet", "images": "all"}, store, infer)
    assert batch({"model": "unet", "images": "all", "threshold": 0.7}, store, infer)["done"] == 4
    task.model.versions.add(write_weights(tmp_path / "n.pt", seed=1), {}, promote=True, reason="test")
    assert batch({"model": "unet", "images": "all"}, store, infer)["done"] == 4


def test_an_image_that_is_refused_does_not_end_the_run(batch, store, infer):
    store.images["image-1"].write_bytes(b"no image")
    progress = batch({"model": "unet", "images": "all"}, store, infer)
    assert progress["done"] == 3 and progress["refused"] == 1
    assert progress["reasons"] == {"image-1": "E_NOT_DICOM"}


def test_a_run_can_be_stopped_and_goes_on(batch, store, infer):
    request = {"model": "unet", "images": "all"}
    assert batch(request, store, infer, is_stopped=lambda: len(store.model_labels) == 2)["state"] == "stopped"
    assert len(store.model_labels) == 2
    assert batch({"model": "unet", "images": "all"}, store, infer)["skipped"] == 2


def test_a_models_label_never_gets_the_tag_of_a_persons(batch, store, infer):
    with pytest.raises(WrongCallError, match="tag original; final is a person's"):
        batch({"model": "unet", "images": "all", "label_tag": "final"}, store, infer)
    assert not store.model_labels
