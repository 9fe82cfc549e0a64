"""A model of patches answers inside the box that a client sends, and refuses whatever brings none."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import InputRefusedError
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.models.infer import MassInferTask
from monailabel_app.lib.models.scoring import build_scoring_methods
from monailabel_app.lib.models.train import MassTrainTask
from tests.label.bright_model import write_bright_weights
from tests.label.tiny_models import DictDatastore, served_model

UPPER = (17, 36, 35, 16, 0, 0)
"""From and to in columns, rows and slices: a box around the upper disc."""


@pytest.fixture
def model(tmp_path):
    return served_model(tmp_path, write_bright_weights(tmp_path / "w.pt", spatial_size=(32, 32), patch_area=1.2))


@pytest.fixture
def image(tmp_path):
    """A breast with two discs that are equally bright, 120 x 90."""
    pixels = np.zeros((120, 90), np.uint16)
    pixels[5:115, :80] = 800
    for row in (25, 85):
        pixels[draw_disc(row)] = 4000
    write_mammogram(tmp_path / "image.dcm", pixels)
    return tmp_path / "image.dcm"


def draw_disc(row):
    rows, columns = np.ogrid[:120, :90]
    return (rows - row) ** 2 + (columns - 26) ** 2 <= 64


def test_the_disc_in_the_box_is_the_answer_and_the_one_beside_it_is_not(model, image):
    file, params = MassInferTask(model)({"image": str(image), "roi": UPPER, "result_extension": ".png"})
    mask = cv2.imread(file, cv2.IMREAD_GRAYSCALE) > 0
    Path(file).unlink()
    assert np.count_nonzero(mask ^ draw_disc(25)) <= 12 and params["lesion_count"] == 1


def test_a_dicom_seg_says_that_the_box_was_given(model, image):
    seg = MassInferTask(model).encode_segmentation(image, {"roi": UPPER})
    assert "boxes=given by a person: 16 17 35 36" in dcmread(DicomBytesIO(seg)).to_json()


@pytest.mark.parametrize(
    ("roi", "said"),
    [(None, "E_NO_BOX: these weights look at patches"), ([84, 89, 15, 34], "E_BOX"), ([95, 99, 1, 2], "E_BOX")],
)
def test_no_box_and_one_beside_the_breast_or_the_image_are_refused(roi, said, model, image):
    with pytest.raises(InputRefusedError, match=said):
        MassInferTask(model)({"image": str(image), "roi": roi})


def test_the_list_of_models_says_that_a_box_is_needed_and_one_of_whole_images_takes_none(model, tmp_path):
    task = MassInferTask(model)
    assert task.prompts == ("roi",) and "Needs a box around the mass (roi)" in task.info()["description"]
    whole = MassInferTask(served_model(tmp_path / "other", write_bright_weights(tmp_path / "whole.pt")))
    assert whole.prompts == () and "box" not in whole.info()["description"]


def test_what_brings_no_box_is_refused_before_it_begins(model, tmp_path):
    for method in build_scoring_methods({"unet": model}).values():
        with pytest.raises(ModelNotReadyError, match="looks into a box that a person gives, so there are no scores"):
            method({"model": "unet"}, DictDatastore({}))
    with pytest.raises(ModelNotReadyError, match="so there are no trainings on labels of whole images"):
        MassTrainTask(model, tmp_path).check({"from_scratch": True}, DictDatastore({}))


def test_the_server_hands_the_box_on_and_answers_one_sentence_without(model, image, fake_app, serve):
    fake_app.infers["unet"] = MassInferTask(model)
    client = serve()

    def ask(**params):
        with image.open("rb") as file:
            sent = {"params": json.dumps(params)}
            return client.post("/infer/unet?output=json", files={"file": ("image.dcm", file)}, data=sent)

    found = ask(roi=UPPER).json()
    assert (found["lesion_count"], found["boxes"]) == (1, "given by a person: 16 17 35 36")
    refused = ask()
    assert (refused.status_code, refused.json()["code"]) == (422, "E_NO_BOX")
    assert ask(roi=[1, 2]).json()["code"] == "E_PROMPT"
    assert client.post("/batch/infer/unet").json()["detail"].startswith("this model needs prompts for each mass")
