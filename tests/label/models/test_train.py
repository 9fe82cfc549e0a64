"""Training on people's labels: by the bundle's own config, kept as a version, served only if it is not worse."""

import json
import sys
import threading
import time
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.checkpoints.checkpoint import write_weights as write_checkpoint
from mammoseg.checkpoints.mean_weights import join_weights
from mammoseg.data.datalist import load_section
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.mask_files import write_mask
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import hash_file
from mammoseg.inference.predictor import Prediction
from mammoseg.transforms.functional.breast import find_recorded_breast
from monailabel_app.lib.models import train_job
from monailabel_app.lib.models.job_files import TooFewLabelsError, TrainJob, write_labels
from monailabel_app.lib.models.promotion import judge
from monailabel_app.lib.models.train import MassTrainTask, TrainingError
from monailabel_app.lib.models.train_job import main
from tests.label.tiny_models import OVERRIDES, DictDatastore, served_model, write_picture, write_weights

KEY = b"key"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A task that has trained once from weights, its folder and what it said."""
    folder = tmp_path_factory.mktemp("trained")
    task = MassTrainTask(served_model(folder, write_weights(folder / "w.pt")), folder)
    said = task({"max_epochs": 2, "min_held_out": 1, "tolerance": 1.0}, DictDatastore.of_pictures(folder / "i", 12))
    return task, folder, said


def test_a_training_becomes_a_version_that_is_served(trained):
    task, _, said = trained
    assert said["version"] == 1 and said["promoted"] and "not worse (tolerance 1)" in said["reason"]
    assert task.model.load_predictor().weights_sha256 == hash_file(task.model.versions.get(1).weights)


def test_a_training_goes_on_from_the_served_weights(trained):
    task, folder, _ = trained
    before, after = (read_checkpoint(path) for path in (folder / "w.pt", task.model.versions.get(1).weights))
    assert after["network"] == before["network"] and after["preprocessing"]["spatial_size"] == [32, 32]
    moved = max(
        (after["model"][key] - before["model"][key]).abs().max()
        for key in before["model"]
        if before["model"][key].ndim == 4
    )
    assert 0 < moved < 0.1, "two epochs move the weights a little; a fresh start would move them far"


def test_the_record_says_what_it_learned_from_without_naming_an_image(trained):
    task, folder, _ = trained
    record = task.model.versions.read_record(1)
    assert record["parent"] == 0 and sum(map(len, record["labels"].values())) == 12
    assert len(record["labels_sha256"]) == 64 and record["options"]["max_epochs"] == 2
    assert set(record["held_out"]["after"]) == set(record["held_out"]["before"]) == set(record["labels"]["test"])
    text = json.dumps(task.model.versions.read_history())
    assert "image-" not in text and str(folder) not in text


def test_progress_is_the_training_log(trained):
    stats = trained[0].stats()
    assert stats["epoch"] == stats["total_epochs"] == 2 and stats["state"] == "done" and stats["current"] == 1
    assert [row["epoch"] for row in stats["curve"]] == [1, 2] and 0 <= stats["best_metric"] <= 1
    json.dumps(stats)


def test_the_learning_curve_is_a_picture(trained):
    task = trained[0]
    assert task.draw_learning_curve().startswith(b"\x89PNG") and task.draw_learning_curve(1).startswith(b"\x89PNG")
    with pytest.raises(WrongCallError, match="no trained version 9"):
        task.draw_learning_curve(9)


def test_nothing_of_a_training_is_left_but_its_version(trained):
    assert sorted(path.name for path in trained[0].model.versions.folder.glob("[!.]*")) == ["1", "current.json", "runs"]
    assert not list((trained[0].model.versions.folder / "runs").iterdir())


def here(job, is_stopped=None) -> dict:
    """Do a job in this process, which has imported all it needs."""
    main(job.write())
    return job.read_result()


def test_a_model_without_weights_is_trained_from_scratch(tmp_path, monkeypatch):
    task = MassTrainTask(served_model(tmp_path, None), tmp_path, overrides=OVERRIDES)
    monkeypatch.setattr(task, "_run", here)
    said = task({"max_epochs": 1, "recipe": "common"}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert said["promoted"] and "no version before" in said["reason"]
    assert task.model.versions.read_current().number == 1


@pytest.mark.parametrize("served", ["w.pt", "several"])
def test_a_training_from_scratch_is_compared_with_what_is_served_too(tmp_path, monkeypatch, served):
    write_weights(tmp_path / "w.pt")
    for seed in (0, 1):
        write_weights(tmp_path / "several" / f"{seed}.pt", seed=seed)
    task = MassTrainTask(served_model(tmp_path, tmp_path / served), tmp_path, overrides=OVERRIDES)
    begun_with: list[str | None] = []
    monkeypatch.setattr(task, "_run", lambda job, is_stopped: begun_with.append(job.start_from) or here(job))
    said = task(
        {"max_epochs": 1, "recipe": "common", "from_scratch": True, "min_held_out": 1},
        DictDatastore.of_pictures(tmp_path / "images", 12),
    )
    assert begun_with == [None]
    assert said["dice_before"] > said["dice_after"] and not said["promoted"]


def test_served_weights_that_cannot_be_compared_with_are_told_before_a_training_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(train_job, "train", lambda *_, **__: pytest.fail("it began"))
    (tmp_path / "w.pt").write_bytes(b"no weights")
    labels = DictDatastore.of_pictures(tmp_path / "images", 8).list_human_labels()
    write_labels(labels, tmp_path / "data", key=KEY, split_file=tmp_path / "split.json")
    job = TrainJob("unet", tmp_path, tmp_path / "data", None, served=str(tmp_path / "w.pt"))
    assert str(tmp_path / "w.pt") in here(job)["error"]


def test_a_worse_version_is_kept_aside(tmp_path, monkeypatch):
    task = MassTrainTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), tmp_path)

    def worse(job, is_stopped):
        write_weights(job.weights, seed=1)
        job.log.parent.mkdir()
        job.log.write_text("epoch,train_loss,val_mean_dice,lr,seconds\n1,1,0.5,0.1,1\n")
        return {"after": dict.fromkeys("abcde", 0.4), "before": dict.fromkeys("abcde", 0.6)}

    monkeypatch.setattr(task, "_run", worse)
    said = task({}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert not said["promoted"] and "mean Dice 0.4000 after and 0.6000 before on 5 images" in said["reason"]
    assert task.model.versions.list_numbers() == [0, 1] and task.model.versions.read_current().number == 0


@pytest.mark.parametrize("precision", ["f32", None])
def test_scores_of_a_training_are_computed_as_the_model_is_served(precision, tmp_path, monkeypatch):
    served = {"runtime": "onnx", "flips": True, "modalities": ("MG", "RG")}
    task = MassTrainTask(served_model(tmp_path, None, precision=precision, **served), tmp_path)
    used: list[dict] = []

    def score_alone(job, is_stopped):
        job = TrainJob.read(job.write())
        monkeypatch.setattr(train_job, "load_predictor", lambda *_, weights, **how: used.append(how))
        train_job.score(job.weights, [], job)
        raise TrainingError("enough")

    monkeypatch.setattr(task, "_run", score_alone)
    with pytest.raises(TrainingError, match="enough"):
        task({}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert used == [{**served, "precision": precision, "device": "cpu"}]


def test_a_server_of_int8_networks_refuses_a_training_before_it_begins(tmp_path):
    task = MassTrainTask(served_model(tmp_path, None, precision="int8"), tmp_path)
    store = DictDatastore.of_pictures(tmp_path / "images", 8)
    for refuse in (task, task.check):
        with pytest.raises(
            WrongCallError, match="what a training makes has none; start it without --conf precision int8"
        ):
            refuse({}, store)
    assert task.model.versions.list_numbers() == []


def test_what_lies_outside_the_breast_is_no_mass_to_the_scores_either(tmp_path, monkeypatch):
    path, _ = write_picture(tmp_path / "image.png")
    mammogram = read_mammogram(path)
    breast = find_recorded_breast(mammogram)
    assert breast.any() and not breast.all()
    label = write_mask(tmp_path / "label.png", breast)
    everywhere = Prediction(np.ones(breast.shape, np.float32), mammogram)
    predictor = Mock(threshold=0.5, return_value=everywhere)
    monkeypatch.setattr(train_job, "load_predictor", lambda *_, **__: predictor)
    record = {"image_id": "a", "image": str(path), "label": str(label)}
    job = TrainJob("unet", tmp_path, tmp_path, None)
    assert train_job.score(job.weights, [record], job) == {"a": 1.0}


@pytest.mark.parametrize("in_one_file", [False, True])
def test_no_training_begins_with_a_mean_of_several(in_one_file, tmp_path):
    files = [write_weights(tmp_path / "w" / f"{seed}.pt", seed=seed) for seed in (0, 1)]
    weights = tmp_path / "w"
    if in_one_file:
        weights = write_checkpoint(join_weights(files, bundle="unet"), tmp_path / "mean.pt").path
    task, store = (
        MassTrainTask(served_model(tmp_path, weights), tmp_path),
        DictDatastore.of_pictures(tmp_path / "images", 8),
    )
    for refuse in (task, task.check):
        with pytest.raises(WrongCallError, match="mean of several weights is served, with which no training begins"):
            refuse({}, store)
    task.check({"from_scratch": True}, store)


def test_a_version_that_was_promoted_while_it_trained_is_not_replaced_by_what_was_compared_with_another(
    tmp_path, monkeypatch
):
    task = MassTrainTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), tmp_path)
    versions = task.model.versions
    versions.add(write_weights(tmp_path / "one.pt", seed=1), {}, promote=False, reason="kept")

    def promote_meanwhile(job, *_):
        versions.promote(1, reason="by hand")
        write_weights(job.weights, seed=2)
        job.log.parent.mkdir()
        job.log.write_text("epoch,train_loss,val_mean_dice,lr,seconds\n1,1,0.5,0.1,1\n")
        return {"after": dict.fromkeys("abcde", 0.6), "before": dict.fromkeys("abcde", 0.4)}

    monkeypatch.setattr(task, "_run", promote_meanwhile)
    said = task({}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert not said["promoted"] and "version 1 is served since" in said["reason"]
    assert versions.read_current().number == 1 and versions.read_record(2)["parent"] == 0


def test_too_few_labels_are_one_sentence(tmp_path):
    task = MassTrainTask(served_model(tmp_path, None), tmp_path)
    store = DictDatastore.of_pictures(tmp_path / "images", 3)
    said = "1 for training, 1 for validation, 1 for test; at least one each and 2"
    for refuse in (task, task.check):
        with pytest.raises(TooFewLabelsError, match=said):
            refuse({}, store)
    task.check({}, DictDatastore.of_pictures(tmp_path / "images", 4))


def test_a_training_that_cannot_read_an_image_says_why(tmp_path):
    store = DictDatastore.of_pictures(tmp_path / "images", 8)
    for path in store.images.values():
        path.write_bytes(b"no image")
    write_labels(store.list_human_labels(), tmp_path / "data", key=KEY, split_file=tmp_path / "split.json")
    job = TrainJob("unet", tmp_path, tmp_path / "data", None, overrides={**OVERRIDES, "max_epochs": 1, "batch_size": 2})
    assert here(job)["error"].startswith("E_NOT_DICOM: ")


def test_a_training_whose_process_dies_changes_nothing(tmp_path, monkeypatch):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    task = MassTrainTask(model, tmp_path)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(TrainingError, match="ended with code 1; the model that was served still is"):
        task({}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert model.versions.list_numbers() == [0] and task.stats()["state"] == "failed"


def test_of_a_training_that_fails_the_log_has_the_places_and_not_the_words(tmp_path, monkeypatch, caplog):
    (tmp_path / "failing.py").write_text("def fail():\n    raise ValueError('Doe^Jane')\n\n\nfail()\n")
    (tmp_path / "python").write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/failing.py\n")
    (tmp_path / "python").chmod(0o700)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    task = MassTrainTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), tmp_path)
    with pytest.raises(TrainingError, match="ended with code 1"):
        task({}, DictDatastore.of_pictures(tmp_path / "images", 8))
    assert "the training of unet failed at failing.py:2 fail < failing.py:5 <module>" in caplog.text
    assert "Doe" not in caplog.text


def test_a_stopped_training_changes_nothing(tmp_path):
    model = served_model(tmp_path, write_weights(tmp_path / "w.pt"))
    task = MassTrainTask(model, tmp_path)
    store = DictDatastore.of_pictures(tmp_path / "images", 8)
    stop = threading.Event()
    errors: list[Exception] = []

    def run() -> None:
        try:
            task({"max_epochs": 10_000}, store, is_stopped=stop.is_set)
        except TrainingError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while task.stats().get("state") != "training" and thread.is_alive():
        time.sleep(0.01)
    with pytest.raises(WrongCallError, match="is being trained"):
        task({}, store)
    stop.set()
    thread.join()
    assert "was stopped" in str(errors[0]) and model.versions.read_current().number == 0
    assert task.stats()["state"] == "stopped"


def test_a_training_that_was_stopped_before_it_began_changes_nothing(tmp_path):
    task = MassTrainTask(served_model(tmp_path, write_weights(tmp_path / "w.pt")), tmp_path)
    with pytest.raises(TrainingError, match="was stopped"):
        task({"max_epochs": 10_000}, DictDatastore.of_pictures(tmp_path / "images", 8), is_stopped=lambda: True)
    assert task.model.versions.list_numbers() == [0] and task.stats()["state"] == "stopped"


@pytest.mark.parametrize(
    "option",
    [
        *({"max_epochs": value} for value in (0, [], {}, True, 1.5, "1" * 400, "$__import__('os')")),
        *({"batch_size": "many"}, {"lr": "nan"}, {"lr": "@max_epochs"}, {"recipe": "best"}, {"recipe": [[]]}),
        *({"tolerance": -1}, {"min_held_out": "%x::y"}, {"from_scratch": "$1"}),
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused(tmp_path, option):
    task = MassTrainTask(served_model(tmp_path, None), tmp_path)
    for refuse in (task, task.check):
        with pytest.raises(InputRefusedError, match=f"E_PARAMS: {next(iter(option))} must be "):
            refuse(option, DictDatastore({}))


def sections_of(folder):
    return {
        record["image_id"]: section
        for section in ("training", "validation", "test")
        for record in load_section(folder / "datalist.json", section)
    }


def test_patients_stay_in_their_section_when_labels_are_added(tmp_path):
    store = DictDatastore.of_pictures(tmp_path / "images", 20)
    labels = store.list_human_labels()
    for count, name in ((9, "a"), (20, "b")):
        write_labels(labels[:count], tmp_path / name, key=KEY, split_file=tmp_path / "split.json")
    before, after = sections_of(tmp_path / "a"), sections_of(tmp_path / "b")
    assert before.items() <= after.items() and len(after) == 20


def test_all_images_of_a_patient_are_in_one_section(tmp_path):
    labels = DictDatastore.of_pictures(tmp_path / "images", 16).list_human_labels()
    for number, label in enumerate(labels):
        label["patient_id"] = f"patient-{number % 5}"
    write_labels(labels, tmp_path / "data", key=KEY, split_file=tmp_path / "split.json")
    split = json.loads((tmp_path / "split.json").read_text())
    assert len(split) == 5 and len(sections_of(tmp_path / "data")) == 16  # read_datalist holds the rule


def result(after, before):
    return {"after": dict(enumerate(after)), "before": None if before is None else dict(enumerate(before))}


def test_equal_scores_are_not_worse():
    assert judge(result([0.5] * 5, [0.5] * 5)).promote


def test_a_lower_mean_is_not_served():
    verdict = judge(result([0.5] * 5, [0.5] * 4 + [0.51]))
    assert not verdict.promote and "worse by more than 0" in verdict.reason


def test_a_stated_tolerance_lets_a_little_less_pass():
    assert judge(result([0.5] * 5, [0.51] * 5), tolerance=0.02).promote


def test_too_few_held_out_images_are_not_served_by_themselves():
    verdict = judge(result([0.9, None, None, None, None], [0.1, None, None, None, None]))
    assert not verdict.promote and "1 held-out images with a mass are too few to judge, 5 are needed" in verdict.reason


def test_the_first_version_is_served():
    assert judge(result([0.1], None)).promote


def test_trained_weights_have_no_code_in_them(trained):
    torch.load(trained[0].model.versions.get(1).weights, weights_only=True)
