"""Label files of all clients, and the mask on the stored grid of the image."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from mammoseg.data.grid import Grid, read_grid
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.gate import IMAGE_CLASSES
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from monailabel_app.lib.datastore.label_images import read_label, write_label
from monailabel_app.lib.datastore.label_info import parse_mass_values
from monailabel_app.lib.datastore.masses import separate_masses
from tests.label.made_store import as_slicer_writes, made_mask
from tests.made_analysis import WHEN

SINGLE_FRAME_CLASSES = sorted(sop_class for sop_class in IMAGE_CLASSES if "Multi-frame" not in sop_class.name)

SHAPES = [(40, 30), (30, 40), (32, 32)]


@pytest.fixture
def image(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    shape = getattr(request, "param", SHAPES[0])
    path = tmp_path / "image.dcm"
    write_mammogram(path, np.arange(np.prod(shape)).reshape(shape), pixel_spacing_mm=(0.07, 0.09))
    return path


def read(path: Path, image: Path, **options: object) -> np.ndarray:
    return read_label(path, read_grid(image), image_id=str(pydicom.dcmread(image).SOPInstanceUID), **options)


@pytest.mark.parametrize("image", SHAPES, indirect=True, ids=str)
@pytest.mark.parametrize("name", ["label.nii", "label.nii.gz", "label.nrrd", "label.png", "label.bin", "label.dcm"])
def test_a_label_of_every_client_is_read_pixel_for_pixel(image, tmp_path, name):
    mask, path = made_mask(read_grid(image).shape), tmp_path / name
    match path.suffix:
        case ".bin":  # OHIF's plugin: bytes, row by row
            path.write_bytes(mask.astype(np.uint8).tobytes())
        case ".png":
            sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8) * 255), str(path))
        case ".dcm":
            write_object(build_segmentation(Analysis(pydicom.dcmread(image), [mask], None, WHEN)), path)
        case _:
            as_slicer_writes(mask, image, path, value=3)
    assert np.array_equal(read(path, image), mask)


@pytest.mark.parametrize("image", SHAPES, indirect=True, ids=str)
def test_what_is_written_lies_where_itk_puts_the_image(image, tmp_path):
    mask = made_mask(read_grid(image).shape)
    label = sitk.ReadImage(str(write_label(tmp_path / "label.nii.gz", mask, read_grid(image))))
    itself = sitk.ReadImage(str(image))
    assert label.GetSize() == itself.GetSize()
    assert np.allclose(label.GetSpacing(), itself.GetSpacing())
    assert np.allclose(label.GetOrigin(), itself.GetOrigin()) and np.allclose(
        label.GetDirection(), itself.GetDirection()
    )
    assert np.array_equal(sitk.GetArrayFromImage(label)[0] != 0, mask)


@pytest.mark.parametrize("name", ["label.nii.gz", "label.nrrd"])
@pytest.mark.parametrize("flips", [(True, False, False), (False, True, False), (True, True, False)])
def test_a_label_whose_axes_run_the_other_way_over_the_same_place_is_turned_back(image, tmp_path, name, flips):
    mask = made_mask((40, 30))
    label = sitk.ReadImage(str(as_slicer_writes(mask, image, tmp_path / "straight.nrrd")))
    sitk.WriteImage(sitk.Flip(label, flips), str(tmp_path / name))  # keeps the place in space
    assert np.array_equal(read(tmp_path / name, image), mask)


def test_a_transposed_label_over_the_same_place_is_turned_back_even_when_square(tmp_path):
    write_mammogram(tmp_path / "image.dcm", np.arange(32 * 32).reshape(32, 32))
    mask = made_mask((32, 32))
    label = sitk.ReadImage(str(as_slicer_writes(mask, tmp_path / "image.dcm", tmp_path / "straight.nrrd")))
    sitk.WriteImage(sitk.PermuteAxes(label, [1, 0, 2]), str(tmp_path / "turned.nrrd"))
    assert np.array_equal(read(tmp_path / "turned.nrrd", tmp_path / "image.dcm"), mask)


@pytest.mark.parametrize("affine", [np.eye(4), None], ids=["beside the image", "nowhere"])
def test_a_label_that_says_nothing_of_the_place_is_taken_as_it_lies(image, tmp_path, affine):
    mask = made_mask((40, 30))
    nibabel.save(nibabel.Nifti1Image(mask.T.astype(np.uint8), affine), tmp_path / "label.nii")
    assert np.array_equal(read(tmp_path / "label.nii", image), mask)


def test_the_place_of_a_nifti_image_is_its_own(tmp_path):
    mask = made_mask((40, 30))
    affine = np.diag([0.1, 0.2, 1, 1])
    nibabel.save(nibabel.Nifti1Image(np.arange(1200).reshape(30, 40, 1).astype(np.int16), affine), tmp_path / "i.nii")
    grid = read_grid(tmp_path / "i.nii")
    write_label(tmp_path / "label.nii.gz", mask, grid)
    assert np.allclose(nibabel.load(tmp_path / "label.nii.gz").affine, affine)
    assert np.array_equal(read_label(tmp_path / "label.nii.gz", grid, image_id="i"), mask)


@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"])
@pytest.mark.parametrize("sop_class", SINGLE_FRAME_CLASSES, ids=lambda sop_class: sop_class.name)
def test_the_spacing_is_that_which_itk_takes(tmp_path, keyword, sop_class):
    path = tmp_path / "image.dcm"
    write_mammogram(path, np.arange(1200).reshape(40, 30), attributes={"ImagerPixelSpacing": None})
    image = pydicom.dcmread(path)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = sop_class
    setattr(image, keyword, [0.05, 0.06])
    image.save_as(path)
    assert np.allclose(np.diag(read_grid(path).affine)[:2], sitk.ReadImage(str(path)).GetSpacing()[:2])


def nifti(pixels: np.ndarray) -> bytes:
    return nibabel.Nifti1Image(pixels, np.eye(4)).to_bytes()


def huge() -> bytes:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((30000, 30000, 1))
    return gzip.compress(header.binaryblock + bytes(1000))


def nrrd(data: bytes) -> bytes:
    return b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 30 40 1\nencoding: gzip\n\n" + data


REFUSED = {
    "nothing": b"",
    "no image": b"not an image",
    "another size": nifti(np.zeros((30, 41, 1), np.uint8)),
    "transposed": nifti(np.zeros((40, 30, 1), np.uint8)),
    "several slices": nifti(np.zeros((30, 20, 2), np.uint8)),
    "negative": nifti(np.full((30, 40, 1), -1, np.int16)),
    "fractions": nifti(np.full((30, 40, 1), 0.5, np.float32)),
    "no numbers": nifti(np.full((30, 40, 1), np.nan, np.float32)),
    "truncated": nifti(np.zeros((30, 40, 1), np.uint8))[:600],
    "truncated gzip": gzip.compress(nifti(np.zeros((30, 40, 1), np.uint8)))[:60],
    "a gigabyte in a kilobyte": huge(),
    "another file": b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 30 40 1\nencoding: raw\ndata file: /etc/passwd\n\n",
    "short": b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 30 40 1\nencoding: raw\n\nabc",
    "unknown encoding": b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 30 40 1\nencoding: bzip2\n\nabc",
    "no header": b"NRRD0004",
    "bomb": nrrd(gzip.compress(bytes(10**7))),
    "a wrong checksum": nrrd(gzip.compress(bytes(1200))[:-8] + bytes(8)),
    "no checksum": nrrd(gzip.compress(bytes(1200))[:-8]),
    "sizes of nonsense": b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 30 -40 -1\nencoding: raw\n\n" + bytes(1200),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_label_of_the_image_is_refused(image, tmp_path, content):
    (tmp_path / "upload").write_bytes(content)
    with pytest.raises(InputRefusedError, match="E_"):
        read(tmp_path / "upload", image)


def test_a_segmentation_of_another_image_is_refused(image, tmp_path):
    write_mammogram(tmp_path / "other.dcm", np.arange(1200).reshape(40, 30) + 1)
    seg = build_segmentation(Analysis(pydicom.dcmread(tmp_path / "other.dcm"), [made_mask((40, 30))], None, WHEN))
    write_object(seg, tmp_path / "seg.dcm")
    with pytest.raises(InputRefusedError, match="does not refer to this image"):
        read(tmp_path / "seg.dcm", image)


def test_values_that_label_info_names_as_masses_stay_apart_and_without_it_all_are_one():
    labels = np.zeros((20, 20), np.uint8)
    labels[2:10, 2:6], labels[2:10, 6:8], labels[15, 15] = 7, 9, 7
    areas = [int(mass.mask.sum()) for mass in separate_masses(labels)]
    assert areas == [32, 16, 1], "two that touch are two, and each part of one value is one"
    assert [int(mass.mask.sum()) for mass in separate_masses(labels > 0)] == [48, 1]


def test_label_info_says_which_values_are_mass(image, tmp_path):
    mask = made_mask((40, 30))
    pixels = np.where(mask, 2, 1).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(pixels.T[..., None], np.eye(4)), tmp_path / "l.nii")
    said = {"label_info": [{"name": "pectoral muscle", "idx": 1}, {"name": "Mass left", "idx": 2}]}
    assert parse_mass_values(said) == ((2,), (1,))
    assert np.array_equal(read(tmp_path / "l.nii", image, masses=[2], others=[1]), mask)
    assert parse_mass_values({"label_info": [{"name": "Segment_1", "idx": 1}]}) == ((1,), ())
    two = [{"name": "biomass", "idx": 1}, {"name": "Mass_2", "idx": 2}]
    assert parse_mass_values({"label_info": two}) == ((2,), (1,))
    assert parse_mass_values({}) == parse_mass_values({"label_info": None}) == ((), ())
    with pytest.raises(InputRefusedError, match="does not name"):
        read(tmp_path / "l.nii", image, masses=[2])
    for wrong in ("x", [1], [{"name": "mass"}], [{"idx": "x"}], 5):
        with pytest.raises(InputRefusedError, match="label_info"):
            parse_mass_values({"label_info": wrong})


def test_a_grid_with_a_plane_in_space_is_itks(tmp_path):
    plane = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "ImagePositionPatient": [5, 6, 7]}
    write_mammogram(tmp_path / "i.dcm", np.arange(1200).reshape(40, 30), attributes=plane)
    grid, itself = read_grid(tmp_path / "i.dcm"), sitk.ReadImage(str(tmp_path / "i.dcm"))
    assert isinstance(grid, Grid)
    mask = made_mask((40, 30))
    path = as_slicer_writes(mask, tmp_path / "i.dcm", tmp_path / "l.nrrd")
    assert np.array_equal(read(path, tmp_path / "i.dcm"), mask)
    label = sitk.ReadImage(str(write_label(tmp_path / "w.nii.gz", mask, grid)))
    assert np.allclose(label.GetDirection(), itself.GetDirection(), atol=1e-6)


def test_a_label_whose_sform_and_qform_turn_it_differently_is_refused(image, tmp_path):
    label = nibabel.load(as_slicer_writes(made_mask(read_grid(image).shape), image, tmp_path / "label.nii"))
    label.set_sform(label.affine, code=1)
    label.set_qform(label.affine @ np.diag([-1, 1, 1, 1]), code=1)
    nibabel.save(label, tmp_path / "differ.nii")
    with pytest.raises(InputRefusedError, match="E_MASK_PLACE"):
        read(tmp_path / "differ.nii", image)
