"""Preprocessing on arrays is MONAI's list of the same settings: the same numbers there and back, and no torch."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Invertd

from mammoseg.bundles import list_bundle_names, render
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import InputRefusedError
from mammoseg.transforms.arrays import ArrayPreprocessing
from mammoseg.transforms.functional.geometry import Box
from mammoseg.transforms.pipelines import build_film_preprocessing

PATCH = {"patch_area": 1.21, "crop_border": False, "crop_to_breast": False, "remove_background": False}

SHIPPED = Path(__file__).resolve().parents[2] / "bundles/efficientnet_unet/models/shipped.json"


def settings_of_all_bundles() -> list[dict]:
    """Each way in which a bundle, or the weights that ship, prepares a mammogram, once."""
    found = [json.loads(SHIPPED.read_text())["preprocessing"]]
    for name in list_bundle_names():
        config = ConfigParser(render(name)["inference"])
        if "clahe_clip_limit" in config["preprocessing"]:  # photographs have none
            found.append(config.get_parsed_content("preprocessing").settings)
    return [json.loads(text) for text in sorted({json.dumps(settings) for settings in found})]


SETTINGS = settings_of_all_bundles()


def film(seed: int) -> np.ndarray:
    """A breast at the right edge with a label, a white border and noise, of sides that divide nothing."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:797, :611]
    inside = ((rows - 400) / 330) ** 2 + ((columns - 611) / 400) ** 2 < 1
    pixels = random.integers(0, 60, inside.shape) + inside * random.integers(900, 3000, inside.shape)
    pixels[40:80, 30:120] = 4000
    pixels[:, :8] = 4095
    return pixels.astype(np.uint16)


def test_there_are_several_ways_to_prepare_a_mammogram():
    assert len(SETTINGS) >= 5 and {settings["aspect"] for settings in SETTINGS} == {"stretch", "pad"}


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_arrays_and_monai_give_the_same_numbers_there_and_back(settings, tmp_path):
    there, prepare = build_film_preprocessing(**settings), ArrayPreprocessing(settings)
    back = Invertd("pred", there, orig_keys="image", nearest_interp=False, to_tensor=True)
    for seed, laterality in enumerate(("R", "L")):
        write_mammogram(tmp_path / "a.dcm", film(seed), laterality=laterality)
        mammogram = prepare.read(tmp_path / "a.dcm")
        item, prepared = there({"image": tmp_path / "a.dcm"}), prepare(mammogram)
        assert prepared.image.dtype == np.float32
        np.testing.assert_array_equal(prepared.image, item["image"].numpy())
        answer = np.random.default_rng(seed).random(prepared.image.shape[1:], np.float32)
        item["pred"] = MetaTensor(answer[None])
        np.testing.assert_array_equal(prepared.move_back(answer), back(item)["pred"][0].numpy())


@pytest.mark.parametrize("laterality", ["L", "R"])
def test_a_box_cuts_the_patch_that_training_cuts_around_a_mask_of_its_size(laterality, tmp_path):
    settings = build_film_preprocessing(spatial_size=(64, 48), **PATCH).settings
    there, prepare = build_film_preprocessing(**settings), ArrayPreprocessing(settings)
    write_mammogram(tmp_path / "a.dcm", film(0), laterality=laterality)
    mask = np.zeros((797, 611), np.uint8)
    mask[300:400, 350:450] = 255  # 110 x 110 have 1.21 times the area
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    item = there({"image": tmp_path / "a.dcm", "label": tmp_path / "mask.png"})
    prepared = prepare(prepare.read(tmp_path / "a.dcm"), Box(300, 350, 100, 100))
    np.testing.assert_array_equal(prepared.image, item["image"].numpy())
    rows, columns = np.nonzero(prepared.move_back(np.ones((64, 48), np.float32)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (295, 404, 345, 454)


def test_where_patches_are_cut_an_image_without_a_box_is_refused(tmp_path):
    prepare = ArrayPreprocessing(build_film_preprocessing(spatial_size=(64, 48), **PATCH).settings)
    write_mammogram(tmp_path / "a.dcm", film(0))
    with pytest.raises(InputRefusedError, match="E_NO_BOX: these weights look at patches around masses, and no box"):
        prepare(prepare.read(tmp_path / "a.dcm"))
