"""The MONAI readers: one answer where MONAI's own two disagree."""

import sys

import numpy as np
import pytest
import torch
from monai.data import list_data_collate
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Spacingd

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.reader import MammogramReader, MaskReader
from mammoseg.errors import InputRefusedError
from mammoseg.transforms.load import LoadWithd
from tests.made_dicom import RAMP, write_mammogram


def load(path, **options):
    reader = MammogramReader(**options)
    return Compose([LoadImaged("image", reader=reader), EnsureChannelFirstd("image")])({"image": path})["image"]


@pytest.mark.parametrize("has_itk", [True, False])
@pytest.mark.parametrize("environment", [None, "itk", "pydicom"])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_polarity_shape_and_spacing_are_the_same_whatever_monai_would_choose(
    tmp_path, monkeypatch, has_itk, environment, polarity
):
    if environment:
        monkeypatch.setenv("MONAI_DICOM_READER", environment)
    if not has_itk:
        monkeypatch.setitem(sys.modules, "itk", None)
    stored = 4095 - RAMP if polarity == "MONOCHROME1" else RAMP
    path = write_mammogram(tmp_path, stored, PhotometricInterpretation=polarity, ImagerPixelSpacing=[0.07, 0.08])
    image = load(path)
    assert image.shape == (1, 3, 4)
    assert image.dtype == torch.float32
    np.testing.assert_array_equal(image[0].numpy(), RAMP)
    np.testing.assert_allclose(image.pixdim, [0.07, 0.08])


def test_spacingd_halves_the_grid_when_the_spacing_doubles(tmp_path):
    path = write_mammogram(tmp_path, np.eye(300, 400, dtype=np.uint16), ImagerPixelSpacing=[0.07, 0.07])
    image = Spacingd("image", pixdim=(0.14, 0.14))({"image": load(path)})["image"]
    assert image.shape == (1, 150, 200)


def test_metadata_are_plain_values(tmp_path):
    path = write_mammogram(tmp_path, ImagerPixelSpacing=[0.07, 0.08])
    metadata = load(path).meta
    assert metadata["laterality"] == "L"
    assert metadata["view"] == "CC"
    assert metadata["pixel_spacing_mm"] == [0.07, 0.08]
    assert metadata["pixel_spacing_source"] == "ImagerPixelSpacing"
    assert metadata["value_range"] == [0, 4095]
    assert metadata["spatial_shape"] == [3, 4]
    assert metadata["filename_or_obj"] == str(path)


def test_metadata_that_are_unknown_collate_with_those_that_are_known(tmp_path):
    (tmp_path / "bare").mkdir()
    known = load(write_mammogram(tmp_path, ImagerPixelSpacing=[0.07, 0.08]))
    unknown = load(write_mammogram(tmp_path / "bare", ImageLaterality=None))
    batch = list_data_collate([{"image": known}, {"image": unknown}])["image"]
    assert batch.meta["laterality"] == ["L", ""]


def test_a_mammogram_that_was_read_before_passes(tmp_path):
    mammogram = read_mammogram(write_mammogram(tmp_path))
    image = LoadWithd("image", reader=MammogramReader())({"image": mammogram})["image"]
    np.testing.assert_array_equal(image[0].numpy(), RAMP)
    assert image.meta["filename_or_obj"] == str(mammogram.path)


def test_a_refusal_names_the_file(tmp_path):
    (tmp_path / "a.dcm").write_text("this is no image")
    with pytest.raises(InputRefusedError, match=f"E_NOT_DICOM: {tmp_path}/a.dcm: "):
        LoadWithd("image", reader=MammogramReader())({"image": tmp_path / "a.dcm"})


def test_the_voi_policy_reaches_the_file(tmp_path):
    path = write_mammogram(tmp_path, WindowCenter=1000, WindowWidth=2)
    assert load(path).unique().tolist() == [0, 4095]
    assert load(path, voi="none").max() == 3300


def test_a_mask_is_float_zero_or_one(tmp_path):
    path = write_mammogram(tmp_path, (RAMP > 0) * np.uint16(4095))
    mask = LoadImaged("label", reader=MaskReader())({"label": path})["label"]
    assert mask.dtype == torch.float32
    np.testing.assert_array_equal(mask.numpy(), RAMP > 0)
