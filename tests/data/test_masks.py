"""The same mask from every kind of file."""

import cv2
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import Dataset, dcmread, uid

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import PLACE_IGNORED, TURNED, load_mask, read_mask
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


BLOB = np.zeros((12, 10), np.uint8)
BLOB[2:8, 3:7] = 1  # 24 pixels, not symmetric


def test_a_palette_counts_by_its_indices(tmp_path):
    for name, palette in (("inverted", [255, 255, 255, 0, 0, 0]), ("red", [0, 0, 0, 128, 0, 0])):
        picture = Image.fromarray(BLOB, "P")
        picture.putpalette(palette)
        picture.save(tmp_path / f"{name}.png")
        assert load_mask(tmp_path / f"{name}.png").remarks == ()
        np.testing.assert_array_equal(read_mask(tmp_path / f"{name}.png"), BLOB)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_the_mask_where_all_colours_are_one(tmp_path, mode):
    colours = [Image.new("L", (10, 12), 0)] * (len(mode) - 1)
    Image.merge(mode, [*colours, Image.fromarray(BLOB * 255)]).save(tmp_path / "a.png")
    mask = load_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(mask.pixels, BLOB)
    assert mask.remarks == ("masks taken from the alpha channel",)


def test_colours_that_alpha_hides_are_two_masks_and_refused(tmp_path):
    Image.merge("LA", [Image.fromarray(np.flipud(BLOB) * 255), Image.fromarray(BLOB * 255)]).save(tmp_path / "a.png")
    with pytest.raises(InputRefusedError, match="E_ALPHA: colours and alpha channel are two masks"):
        read_mask(tmp_path / "a.png")


def test_one_colour_on_black_is_a_mask_and_several_are_refused(tmp_path):
    red = np.dstack([BLOB * 200, BLOB * 0, BLOB * 10])
    Image.fromarray(red).save(tmp_path / "one.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "one.png"), BLOB)
    red[3, 3] = (0, 255, 0)
    Image.fromarray(red).save(tmp_path / "two.png")
    with pytest.raises(InputRefusedError, match="E_COLOUR: the mask is in several colours"):
        read_mask(tmp_path / "two.png")


def test_pages_are_fused_and_must_have_one_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([BLOB, np.flipud(BLOB)]) * 255, photometric="minisblack")
    mask = load_mask(tmp_path / "a.tif")
    np.testing.assert_array_equal(mask.pixels, BLOB | np.flipud(BLOB))
    assert mask.remarks == ("masks of several pages, fused",)
    Image.fromarray(BLOB).save(tmp_path / "b.tif", save_all=True, append_images=[Image.fromarray(BLOB[:5])])
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: the pages of the mask have several sizes"):
        read_mask(tmp_path / "b.tif")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_grey_rims_are_cut_at_half_of_the_range(tmp_path, suffix):
    sharp = np.kron(BLOB, np.ones((13, 13), np.uint8)) * 255
    soft = cv2.GaussianBlur(sharp, (7, 7), 0) if suffix == "png" else sharp
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), soft, [cv2.IMWRITE_JPEG_QUALITY, 60])
    mask = load_mask(tmp_path / f"a.{suffix}")
    assert mask.remarks == ("masks with grey rims, cut at half of their range",)
    assert np.count_nonzero(mask.pixels != (sharp > 0)) <= 4  # the corners, which blurring rounds


@pytest.mark.parametrize("values", [(1, 2), (85, 255), (3, 40)])
def test_the_numbers_of_several_masses_are_no_rims(tmp_path, values):
    labels = np.zeros((20, 20), np.uint8)
    labels[2:8, 2:8], labels[10:16, 10:16] = values
    cv2.imwrite(str(tmp_path / "a.png"), labels)
    assert load_mask(tmp_path / "a.png").remarks == ()
    assert read_mask(tmp_path / "a.png").sum() == 72


def test_negative_values_are_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(-BLOB.T.astype(np.int16), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputRefusedError, match="E_MASK_VALUES"):
        read_mask(tmp_path / "a.nii")


def test_zero_of_a_monochrome1_image_is_white_and_so_mass(tmp_path):
    stored = (1 - BLOB.astype(np.uint16)) * 4095
    path = write_mammogram(tmp_path, stored, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_mask(path), BLOB)


LPS_LIKE = np.diag([-0.07, -0.08, 1, 1])


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("flips", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("kind", ["nii", "dcm"])
def test_a_nifti_mask_is_turned_to_the_axes_of_its_image(tmp_path, kind, flips, ndim):
    if kind == "nii":
        image = tmp_path / "image.nii"
        nibabel.save(nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(10, 12, 1), LPS_LIKE), image)
    else:
        image = write_mammogram(
            tmp_path, np.arange(120, dtype=np.uint16).reshape(12, 10), ImagerPixelSpacing=[0.08, 0.07]
        )
    array, affine = BLOB.T, LPS_LIKE.copy()
    for axis in flips:  # the same place, counted from the other end
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
        array = np.flip(array, axis)
    nibabel.save(nibabel.Nifti1Image(array.reshape([10, 12, 1][:ndim]), affine), tmp_path / "mask.nii")
    mask = load_mask(tmp_path / "mask.nii", image=read_mammogram(image))
    np.testing.assert_array_equal(mask.pixels, BLOB)
    assert mask.remarks == ((TURNED,) if flips else ())


def test_a_nifti_mask_of_another_place_is_refused_unless_it_knows_of_none(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(10, 12, 1), LPS_LIKE), tmp_path / "i.nii")
    image = read_mammogram(tmp_path / "i.nii")
    nibabel.save(nibabel.Nifti1Image(BLOB.T, np.eye(4)), tmp_path / "bare.nii")
    mask = load_mask(tmp_path / "bare.nii", image=image)
    np.testing.assert_array_equal(mask.pixels, BLOB)
    assert mask.remarks == (PLACE_IGNORED,)
    affine = np.diag([0.07, 0.08, 1, 1])
    affine[:3, 3] = 50
    nibabel.save(nibabel.Nifti1Image(BLOB.T, affine), tmp_path / "elsewhere.nii")
    with pytest.raises(InputRefusedError, match="E_MASK_PLACE"):
        load_mask(tmp_path / "elsewhere.nii", image=image)


def two_ways(path, array, sform, qform):
    """A NIfTI file that gives its place twice."""
    nifti = nibabel.Nifti1Image(array, sform)
    nifti.set_qform(qform, code=1)
    nibabel.save(nifti, path)


def test_a_nifti_mask_whose_sform_and_qform_turn_it_differently_is_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(10, 12, 1), LPS_LIKE), tmp_path / "i.nii")
    image = read_mammogram(tmp_path / "i.nii")
    two_ways(tmp_path / "agree.nii", BLOB.T[..., None], LPS_LIKE, LPS_LIKE @ np.diag([1.01, 1, 1, 1]))
    np.testing.assert_array_equal(load_mask(tmp_path / "agree.nii", image=image).pixels, BLOB)
    two_ways(tmp_path / "differ.nii", BLOB.T[..., None], LPS_LIKE, LPS_LIKE @ np.diag([1, -1, 1, 1]))
    with pytest.raises(
        InputRefusedError, match="E_MASK_PLACE: sform and qform of the NIfTI file contradict each other"
    ):
        load_mask(tmp_path / "differ.nii", image=image)
    np.testing.assert_array_equal(read_mask(tmp_path / "differ.nii"), BLOB)  # of which no image is known


def described(folder, *kinds, image_uid="1.2.3"):
    """A SEG that refers to an image, with a segment of each property type, the first in the upper left pixel."""
    frames = np.stack(
        [np.eye(1, MASK.size, number, dtype=np.uint8).reshape(MASK.shape) for number in range(len(kinds))]
    )
    segments, groups, source = [], [], Dataset()
    source.ReferencedSOPInstanceUID = image_uid
    for number, (code, scheme) in enumerate(kinds, start=1):
        kind, segment, group, item, derivation = Dataset(), Dataset(), Dataset(), Dataset(), Dataset()
        kind.CodeValue, kind.CodingSchemeDesignator = code, scheme
        segment.SegmentNumber, segment.SegmentedPropertyTypeCodeSequence = number, [kind]
        item.ReferencedSegmentNumber, derivation.SourceImageSequence = number, [source]
        group.SegmentIdentificationSequence, group.DerivationImageSequence = [item], [derivation]
        segments.append(segment)
        groups.append(group)
    sequences = {"SegmentSequence": segments, "PerFrameFunctionalGroupsSequence": groups}
    return segmentation(folder, frames, **sequences)


MASS, BREAST = ("4147007", "SCT"), ("76752008", "SCT")


def test_only_segments_of_mass_count(tmp_path):
    np.testing.assert_array_equal(read_mask(described(tmp_path, BREAST, MASS)), [[0, 1, 0], [0, 0, 0]])


def test_a_seg_without_a_mass_is_refused(tmp_path):
    with pytest.raises(InputRefusedError, match="E_SEG_SEGMENT: no segment .* Mass"):
        read_mask(described(tmp_path, BREAST))


@pytest.mark.parametrize(("refers_to", "is_taken"), [("own", True), ("1.2.3", False)])
def test_a_seg_of_another_image_is_refused(tmp_path, refers_to, is_taken):
    (tmp_path / "seg").mkdir()
    image = read_mammogram(write_mammogram(tmp_path))
    path = described(tmp_path / "seg", MASS, image_uid=image.sop_instance_uid if refers_to == "own" else refers_to)
    if is_taken:
        assert load_mask(path, image=image).pixels.sum() == 1
    else:
        with pytest.raises(InputRefusedError, match="E_SEG_IMAGE"):
            load_mask(path, image=image)


def test_segments_of_another_class_than_seg_are_refused_by_it(tmp_path):
    path = described(tmp_path, MASS)
    dataset = dcmread(path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.SurfaceSegmentationStorage
    dataset.save_as(path)
    with pytest.raises(InputRefusedError, match="E_SOP_CLASS: segments, but no SEG of pixels"):
        read_mask(path)
