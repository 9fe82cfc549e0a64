"""The same mammogram from every kind of file."""

import cv2
import nibabel
import numpy as np
import pytest

from mammoseg.data.mammogram import read_mammogram
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, write_mammogram

PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3)


def write_nifti(path, array, *, unit="unknown", zooms=(1.0, 1.0)):
    image = nibabel.Nifti1Image(array, np.eye(4))
    image.header.set_zooms(zooms + (1.0,) * (array.ndim - 2))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_pictures_keep_their_values_and_name_their_range(tmp_path, suffix, dtype, largest):
    path = tmp_path / f"image{suffix}"
    cv2.imwrite(str(path), PIXELS.astype(dtype))
    mammogram = read_mammogram(path)
    np.testing.assert_array_equal(mammogram.pixels, PIXELS)
    assert mammogram.pixels.dtype == np.float32
    assert mammogram.value_range == (0, largest)
    assert (mammogram.laterality, mammogram.view, mammogram.pixel_spacing_mm) == (None, None, None)


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
@pytest.mark.parametrize("depth", [(), (1,)], ids=["2D", "one slice"])
def test_nifti_counts_columns_first(tmp_path, name, depth):
    path = write_nifti(tmp_path / name, PIXELS.T.reshape(3, 2, *depth))
    np.testing.assert_array_equal(read_mammogram(path).pixels, PIXELS)


def test_nifti_spacing_in_mm_is_row_then_column(tmp_path):
    mammogram = read_mammogram(write_nifti(tmp_path / "image.nii", PIXELS.T, unit="mm", zooms=(0.05, 0.07)))
    assert mammogram.pixel_spacing_mm == pytest.approx((0.07, 0.05))
    assert mammogram.pixel_spacing_source == "NIfTI pixdim"


@pytest.mark.parametrize("zooms", [(1.0, 1.0), (0.05, 1e30), (1e-6, 0.05)])
def test_nifti_spacing_that_no_pixel_has_is_not_believed_and_that_is_noted(tmp_path, zooms):
    mammogram = read_mammogram(write_nifti(tmp_path / "image.nii", PIXELS.T, unit="mm", zooms=zooms))
    assert (mammogram.pixel_spacing_mm, mammogram.pixel_spacing_source) == (None, None)
    (note,) = mammogram.notes
    assert note.startswith("NIfTI pixdim is no pixel size")


def test_nifti_without_a_unit_has_no_spacing(tmp_path):
    mammogram = read_mammogram(write_nifti(tmp_path / "image.nii", PIXELS.T))
    assert (mammogram.pixel_spacing_mm, mammogram.pixel_spacing_source) == (None, None)


def test_the_content_decides_the_format_not_the_name(tmp_path):
    path = write_mammogram(tmp_path).rename(tmp_path / "image.png")
    np.testing.assert_array_equal(read_mammogram(path).pixels, RAMP)


def test_a_dicom_file_brings_side_view_and_spacing(tmp_path):
    mammogram = read_mammogram(write_mammogram(tmp_path, ImagerPixelSpacing=[0.07, 0.08]))
    assert (mammogram.laterality, mammogram.view) == ("L", "CC")
    assert mammogram.pixel_spacing_mm == (0.07, 0.08)
    assert mammogram.value_range == (0, 4095)


def test_grey_saved_as_three_equal_channels_is_grey(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.dstack([PIXELS] * 3))
    np.testing.assert_array_equal(read_mammogram(tmp_path / "image.png").pixels, PIXELS)


def test_colour_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.dstack([PIXELS, PIXELS + 1, PIXELS]))
    with pytest.raises(InputRefusedError, match="E_COLOUR"):
        read_mammogram(tmp_path / "image.png")


def test_a_nifti_volume_is_refused(tmp_path):
    path = write_nifti(tmp_path / "image.nii", np.zeros((3, 2, 4), np.uint8))
    with pytest.raises(InputRefusedError, match=r"E_MULTIFRAME: .*\(3, 2, 4\)"):
        read_mammogram(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 128 + b"DIC"], ids=["empty", "text", "almost"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "image.dcm"
    path.write_bytes(content)
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM"):
        read_mammogram(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"II*\0", b"\x1f\x8bxx"], ids=["PNG", "TIFF", "gzip"])
def test_a_damaged_picture_is_refused(tmp_path, content):
    path = tmp_path / "image.nii.gz"
    path.write_bytes(content)
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_mammogram(path)


@pytest.mark.parametrize("value", [0, 700, 4095])
def test_an_image_of_one_grey_value_is_refused(tmp_path, value):
    with pytest.raises(InputRefusedError, match="E_NO_BREAST"):
        read_mammogram(write_mammogram(tmp_path, np.full((40, 50), value, np.uint16)))


def test_one_pixel_is_enough_wherever_it_lies(tmp_path):
    pixels = np.zeros((40, 50), np.uint16)
    pixels[17, 33] = 1
    assert read_mammogram(write_mammogram(tmp_path, pixels)).pixels.sum() == 1


def test_padding_is_nothing_to_see(tmp_path):
    pixels = np.full((40, 50), 300, np.uint16)
    pixels[:, 20:] = 4000
    with pytest.raises(InputRefusedError, match="E_NO_BREAST"):
        read_mammogram(write_mammogram(tmp_path, pixels, PixelPaddingValue=4000))


def test_an_empty_picture_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 50), np.uint8))
    with pytest.raises(InputRefusedError, match="E_NO_BREAST"):
        read_mammogram(tmp_path / "a.png")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputRefusedError, match="E_NOT_A_FILE"):
        read_mammogram(tmp_path)


REAL = {
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm": ((3062, 2394), "R", "MLO", "ImagerPixelSpacing"),
    "MG1_J2KI_film_MLO_12bit.dcm": ((4664, 3064), "L", "MLO", None),
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm": ((788, 1318), "L", "CC", "ImagerPixelSpacing"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read(shared_data, name):
    mammogram = read_mammogram(shared_data / "dicom_mg" / name, modalities=("MG", "RG"))
    shape, laterality, view, source = REAL[name]
    assert mammogram.pixels.shape == shape
    assert (mammogram.laterality, mammogram.view, mammogram.pixel_spacing_source) == (laterality, view, source)
    low, high = mammogram.value_range
    assert low <= mammogram.pixels.min() < mammogram.pixels.max() <= high


def test_the_real_film_is_refused_as_a_mammogram_unless_its_modality_is_named(shared_data):
    with pytest.raises(InputRefusedError, match="E_MODALITY: Modality is RG, not MG"):
        read_mammogram(shared_data / "dicom_mg" / "MG1_J2KI_film_MLO_12bit.dcm")
