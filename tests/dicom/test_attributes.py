"""What the header says."""

import pydicom
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.tag import Tag

from mammoseg.dicom.attributes import (
    MAGNIFICATION_VIEW,
    VIEWS,
    check_kind,
    list_remarks,
    read_laterality,
    read_magnification,
    read_pixel_spacing,
    read_view,
)
from mammoseg.errors import InputRefusedError
from tests.made_dicom import mammogram_dataset


def coded(value):
    item = pydicom.Dataset()
    item.CodeValue = value
    return Sequence([item])


def test_laterality_of_the_image_goes_before_that_of_the_series():
    assert read_laterality(mammogram_dataset(ImageLaterality="R", Laterality="L")) == "R"


def test_laterality_of_the_series_counts_where_the_image_has_none():
    assert read_laterality(mammogram_dataset(ImageLaterality=None, Laterality="R")) == "R"


@pytest.mark.parametrize("said", [None, "", "B", "LEFT"])
def test_other_laterality_is_unknown(said):
    assert read_laterality(mammogram_dataset(ImageLaterality=said)) is None


@pytest.mark.parametrize("code", ["R-10226", "399368009"])
def test_the_view_code_goes_before_the_view_position(code):
    assert read_view(mammogram_dataset(ViewCodeSequence=coded(code), ViewPosition="CC")) == "MLO"


@pytest.mark.parametrize(("said", "known"), [("mlo ", "MLO"), ("CC", "CC"), ("AP", None), (None, None)])
def test_view_position_is_mapped_or_unknown(said, known):
    assert read_view(mammogram_dataset(ViewPosition=said)) == known


def test_every_view_of_cid_4014_is_known():
    projections = [name for name in codes.cid4014.dir() if "Specimen" not in name]
    assert {getattr(codes.cid4014, name).value for name in projections} <= set(VIEWS)


def test_imager_pixel_spacing_is_named_as_the_source():
    assert read_pixel_spacing(mammogram_dataset(ImagerPixelSpacing=[0.07, 0.08])) == (
        (0.07, 0.08),
        "ImagerPixelSpacing",
    )


def test_pixel_spacing_without_a_calibration_is_not_believed():
    assert read_pixel_spacing(mammogram_dataset(PixelSpacing=[0.1, 0.1])) == (None, None)


def test_calibrated_pixel_spacing_goes_before_that_of_the_detector():
    dataset = mammogram_dataset(
        PixelSpacing=[0.06, 0.06], PixelSpacingCalibrationType="GEOMETRY", ImagerPixelSpacing=[0.07, 0.07]
    )
    assert read_pixel_spacing(dataset) == ((0.06, 0.06), "PixelSpacing")


@pytest.mark.parametrize("said", [[0, 0], [-0.1, 0.1], [0.1], None])
def test_spacing_without_meaning_is_unknown(said):
    assert read_pixel_spacing(mammogram_dataset(ImagerPixelSpacing=said)) == (None, None)


@pytest.mark.parametrize("said", ["1e30", "1.0", "0.0099", "1e-30"])
def test_spacing_that_no_detector_has_is_unknown_and_that_is_said(said):
    dataset = mammogram_dataset(ImagerPixelSpacing=[said, "0.07"])
    assert read_pixel_spacing(dataset) == (None, None)
    assert list_remarks(dataset) == [
        "ImagerPixelSpacing is no pixel size of a mammogram and is not believed, so nothing is measured in mm by it"
    ]


def test_spacing_of_the_film_counts_where_that_of_the_detector_cannot_be():
    dataset = mammogram_dataset(ImagerPixelSpacing=[50, 50], NominalScannedPixelSpacing=[0.05, 0.05])
    assert read_pixel_spacing(dataset) == ((0.05, 0.05), "NominalScannedPixelSpacing")
    assert len(list_remarks(dataset)) == 1


@pytest.mark.parametrize(("said", "is_told"), [("1", 0), ("3", 0), ("0.9", 1), ("3.1", 1), ("1e-9", 1)])
def test_magnification_of_no_mammogram_is_unknown_and_that_is_said(said, is_told):
    dataset = mammogram_dataset(EstimatedRadiographicMagnificationFactor=said)
    assert read_magnification(dataset) == (None if is_told else float(said))
    assert len(list_remarks(dataset)) == is_told


@pytest.mark.parametrize(("said", "known"), [(1.8, 1.8), (0, None), (None, None)])
def test_magnification_is_a_positive_number_or_unknown(said, known):
    assert read_magnification(mammogram_dataset(EstimatedRadiographicMagnificationFactor=said)) == known


@pytest.mark.parametrize("modifier", MAGNIFICATION_VIEW)
@pytest.mark.parametrize(("factor", "spacing"), [(None, None), ("", None), (1.8, (0.07, 0.07))])
def test_magnification_view_has_a_spacing_only_with_its_factor(modifier, factor, spacing):
    views = coded("399162004")
    views[0].ViewModifierCodeSequence = coded(modifier)
    dataset = mammogram_dataset(
        ViewCodeSequence=views, ImagerPixelSpacing=[0.07, 0.07], EstimatedRadiographicMagnificationFactor=factor
    )
    assert read_pixel_spacing(dataset)[0] == spacing


def test_what_a_reader_of_the_result_should_know_is_said():
    view = coded("399162004")
    view[0].ViewModifierCodeSequence = coded("399163009")
    image_type = ["DERIVED", "PRIMARY", "", "GENERATED_2D"]
    dataset = mammogram_dataset(ImageType=image_type, ViewCodeSequence=view, BreastImplantPresent="YES")
    assert [remark.split(",")[0] for remark in list_remarks(dataset)] == [
        "computed from tomosynthesis",
        "magnification view",
        "a breast implant is in the image",
    ]


def test_nothing_is_said_of_an_ordinary_view():
    assert list_remarks(mammogram_dataset(BreastImplantPresent="NO")) == []


@pytest.mark.parametrize(
    "attributes",
    [{"ImageType": ["DERIVED", "PRIMARY", "", "RECOMBINED"]}, {"ViewCodeSequence": coded("127457009")}],
    ids=["iodine", "specimen"],
)
def test_an_image_without_breast_tissue_is_refused(attributes):
    with pytest.raises(InputRefusedError, match="E_IMAGE_KIND"):
        check_kind(mammogram_dataset(**attributes))


def test_a_low_energy_image_passes():
    check_kind(mammogram_dataset(ImageType=["ORIGINAL", "PRIMARY", "", "LOW_ENERGY"]))


@pytest.mark.parametrize("keyword", ["ViewCodeSequence", "ImageLaterality", "ImagerPixelSpacing", "ImageType"])
def test_a_malformed_attribute_says_nothing(keyword):
    dataset = mammogram_dataset(ViewPosition=None, ImageLaterality=None)
    tag = tag_for_keyword(keyword)
    dataset[tag] = RawDataElement(Tag(tag), "UL", 3, b"\xff\x00\x01", 0, False, True)
    check_kind(dataset)
    assert (read_laterality(dataset), read_view(dataset), read_pixel_spacing(dataset), list_remarks(dataset)) == (
        None,
        None,
        (None, None),
        [],
    )


@pytest.mark.parametrize(
    ("photometric", "shape", "is_told"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", False),
        ("MONOCHROME2", "LIN OD", False),
        ("MONOCHROME2", None, False),
    ],
)
def test_a_lut_shape_that_contradicts_the_polarity_is_told(photometric, shape, is_told):
    dataset = mammogram_dataset(PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    assert [remark.partition(" ")[0] for remark in list_remarks(dataset)] == ["PresentationLUTShape"] * is_told
