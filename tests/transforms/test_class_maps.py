"""Networks of many classes: their maps on the way in, and their prediction on the way out."""

import numpy as np
import pytest
import torch
from PIL import Image

from mammoseg.data.class_maps import read_class_map, write_class_map
from mammoseg.transforms.class_maps import ClassMapsd, OriginalClassesd, SaveClassMapd
from mammoseg.transforms.photographs import build_photograph_preprocessing

PROBABILITY = torch.tensor([[[0.7, 0.1, 0.2, 0.4]], [[0.2, 0.8, 0.2, 0.5]], [[0.1, 0.1, 0.6, 0.1]]])
"""(3, 1, 4): the likeliest classes are 0, 1, 2, 1."""


def test_class_maps_are_kept_and_objects_are_told_from_background():
    item = ClassMapsd()({"pred": PROBABILITY, "label": torch.tensor([[[0.0, 1.0, 1.0, 0.0]]])})
    assert item["classes"].tolist() == [[[0, 1, 2, 1]]] and item["true_classes"].tolist() == [[[0, 1, 1, 0]]]
    assert item["pred"].tolist() == [[[0, 1, 1, 1]]] and item["label"].tolist() == [[[0, 1, 1, 0]]]


def test_ignored_pixels_are_in_no_mask():
    item = ClassMapsd()({"pred": PROBABILITY, "label": torch.tensor([[[255.0, 255.0, 1.0, 0.0]]])})
    assert item["pred"].tolist() == [[[0, 0, 1, 1]]] and item["label"].tolist() == [[[0, 0, 1, 0]]]
    assert item["true_classes"].tolist() == [[[255, 255, 1, 0]]]


@pytest.fixture
def prepared(tmp_path):
    classes = np.zeros((4, 8), np.uint8)
    classes[:, 4:] = 2
    write_class_map(tmp_path / "label.png", classes)
    Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(tmp_path / "image.png")
    preprocessing = build_photograph_preprocessing(spatial_size=[8, 8])
    item = preprocessing({"image": str(tmp_path / "image.png"), "label": str(tmp_path / "label.png")})
    return preprocessing, item, classes


def test_prediction_and_truth_meet_on_the_original_grid(prepared):
    preprocessing, item, classes = prepared
    item["pred"] = torch.eye(3)[item["label"][0].long()].permute(2, 0, 1)
    done = ClassMapsd()(OriginalClassesd(preprocessing)(item))
    assert (done["classes_original"].numpy() == classes[None]).all()
    assert (done["true_classes_original"].numpy() == classes[None]).all()
    assert done["classes"].shape == (1, 8, 8)


def test_images_named_by_uids_keep_files_apart(tmp_path):
    for uid in ("1.2.3", "1.2.4"):
        SaveClassMapd("pred", output_dir=tmp_path)({"pred": PROBABILITY, "image_id": uid})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.2.3.classes.png", "1.2.4.classes.png"]


def test_the_likeliest_class_is_written_below_the_folder_of_the_image(tmp_path):
    SaveClassMapd("pred", output_dir=tmp_path / "out")({"pred": PROBABILITY, "image_id": "cats/a.jpg"})
    assert read_class_map(tmp_path / "out" / "cats" / "a.classes.png").tolist() == [[0, 1, 2, 1]]
