"""The same mask from every kind of file."""

import cv2
import nibabel
import numpy as np
import pytest
from pydicom import uid

from mammoseg.data.masks import read_mask
from mammoseg.errors import InputRefusedError
from tests.made_dicom import write_mammogram

MASK = np.array([[0, 1, 0], [0, 1, 1]], np.uint8)


def segmentation(folder, frames, *, kind="BINARY", **attributes):
    """Write a SEG with one frame a segment; its functional groups do not matter to the mask."""
    bits = 1 if kind == "BINARY" else 8
    packed = np.packbits(frames.ravel(), bitorder="little") if bits == 1 else frames.astype(np.uint8)
    return write_mammogram(
        folder,
        frames[0],
        SOPClassUID=uid.SegmentationStorage,
        Modality="SEG",
        SegmentationType=kind,
        NumberOfFrames=len(frames),
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelData=packed.tobytes() + b"\0" * (packed.nbytes % 2),
        **attributes,
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("value", [1, 255])
def test_pictures_with_any_value_for_mass(tmp_path, suffix, value):
    cv2.imwrite(str(tmp_path / f"mask{suffix}"), MASK * value)
    mask = read_mask(tmp_path / f"mask{suffix}")
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, MASK)


def test_nifti_counts_columns_first(tmp_path):
    nibabel.save(nibabel.Nifti1Image(MASK.T, np.eye(4)), tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii.gz"), MASK)


def test_a_dicom_image_as_cbis_ddsm_has_it(tmp_path):
    path = write_mammogram(tmp_path, MASK.astype(np.uint16) * 4095, SOPClassUID=uid.SecondaryCaptureImageStorage)
    np.testing.assert_array_equal(read_mask(path), MASK)


def test_the_segments_of_a_dicom_seg_are_fused(tmp_path):
    frames = np.stack([MASK * [1, 0, 0], MASK * [0, 1, 0], MASK * [0, 0, 1]]).astype(np.uint8)
    np.testing.assert_array_equal(read_mask(segmentation(tmp_path, frames)), MASK)


def test_a_fractional_seg_counts_from_half_its_maximum(tmp_path):
    frames = np.array([[[0, 100, 99], [255, 49, 200]]])
    path = segmentation(tmp_path, frames, kind="FRACTIONAL", MaximumFractionalValue=200)
    np.testing.assert_array_equal(read_mask(path), [[0, 1, 0], [1, 0, 1]])


def test_another_shape_than_asked_for_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), MASK)
    with pytest.raises(InputRefusedError, match="E_SHAPE: the mask is 2 x 3, its image 3 x 2"):
        read_mask(tmp_path / "mask.png", shape=(3, 2))
