"""Files that look like a mammogram and are none, and one that does not and is."""

import numpy as np
import pydicom
import pytest
from pydicom import uid

from mammoseg.data.mammogram import read_mammogram
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, SYNTHESIZED, mammogram_dataset, write_mammogram

CAPTURE = {"SOPClassUID": uid.SecondaryCaptureImageStorage}


@pytest.mark.parametrize("creator", ["HOLOGIC, Inc.", "HOLOGIC", "Hologic Inc"])
@pytest.mark.parametrize("attributes", [CAPTURE, {}], ids=["secondary capture", "mammogram"])
def test_a_placeholder_for_private_tomosynthesis_is_refused(tmp_path, creator, attributes):
    dataset = mammogram_dataset(**attributes)
    dataset.private_block(0x7E01, creator, create=True).add_new(1, "LO", "Hologic SCO")
    dataset.save_as(tmp_path / "sco.dcm", enforce_file_format=True)
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: a placeholder for tomosynthesis"):
        read_mammogram(tmp_path / "sco.dcm")


def test_other_private_blocks_of_hologic_do_not_matter(tmp_path):
    dataset = mammogram_dataset()
    dataset.private_block(0x0019, "HOLOGIC, Inc.", create=True).add_new(1, "LO", "a")
    dataset.save_as(tmp_path / "plain.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_mammogram(tmp_path / "plain.dcm").pixels, RAMP)


@pytest.mark.parametrize(
    ("conversion", "said"),
    [("WSD", "made on a workstation"), ("DRW", "a drawing"), ("SYN", "a synthetic image"), ("DV", "a video")],
)
def test_a_secondary_capture_that_is_no_film_scan_carries_a_remark(tmp_path, conversion, said):
    (note,) = read_mammogram(write_mammogram(tmp_path, **CAPTURE, ConversionType=conversion)).notes
    assert said in note
    assert note.endswith("it may be no mammogram")


def test_a_secondary_capture_that_does_not_say_of_what_carries_a_remark(tmp_path):
    for number, conversion in enumerate((None, "")):
        (tmp_path / str(number)).mkdir()
        attributes = {} if conversion is None else {"ConversionType": conversion}
        (note,) = read_mammogram(write_mammogram(tmp_path / str(number), **CAPTURE, **attributes)).notes
        assert note == "secondary capture that does not say what it was made of; it may be no mammogram"


@pytest.mark.parametrize("conversion", ["DF", "SI", "SD", "DI"])
def test_a_film_scan_carries_none(tmp_path, conversion):
    assert read_mammogram(write_mammogram(tmp_path, **CAPTURE, ConversionType=conversion)).notes == ()


def test_a_mammogram_whose_conversion_type_says_workstation_carries_none(tmp_path):
    assert read_mammogram(write_mammogram(tmp_path, ConversionType="WSD")).notes == ()  # as a GE Senographe writes


@pytest.mark.parametrize("value", ["GENERATED_2D", "TOMO_2D"])
def test_one_synthesized_frame_is_read_from_the_class_of_tomosynthesis_with_a_remark(tmp_path, value):
    image_type = [*SYNTHESIZED["ImageType"][:3], value]
    mammogram = read_mammogram(write_mammogram(tmp_path, **SYNTHESIZED | {"ImageType": image_type}))
    np.testing.assert_array_equal(mammogram.pixels, RAMP)
    assert "computed from tomosynthesis" in mammogram.notes[0]


OTHERS = {
    "two frames": {"NumberOfFrames": 2},
    "a slice": {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]},
    "a projection": {"SOPClassUID": uid.BreastProjectionXRayImageStorageForPresentation},
}


@pytest.mark.parametrize("attributes", OTHERS.values(), ids=OTHERS)
def test_anything_else_of_tomosynthesis_in_its_classes_is_refused(tmp_path, attributes):
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: .* is tomosynthesis"):
        read_mammogram(write_mammogram(tmp_path, **SYNTHESIZED | attributes))


def item(**attributes):
    made = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize("value", ["TOMO", "TOMO_PROJ", "TOMO_SCOUT", "TOMOSYNTHESIS", "tomo"])
@pytest.mark.parametrize("attributes", [CAPTURE | {"ConversionType": "DI"}, {}], ids=["secondary capture", "mammogram"])
def test_a_slice_or_a_projection_of_tomosynthesis_in_another_class_is_refused(tmp_path, value, attributes):
    path = write_mammogram(tmp_path, **attributes, ImageType=["DERIVED", "PRIMARY", value, "NONE"])
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: a slice or a projection of tomosynthesis"):
        read_mammogram(path)


@pytest.mark.parametrize("kind", [["TOMO", "GENERATED_2D"], ["TOMO_2D", "NONE"], ["TOMOSYNTHESIS", "generated_2d"]])
def test_a_synthesized_frame_in_the_class_of_mammograms_is_read(tmp_path, kind):
    assert (
        "computed from tomo"
        in read_mammogram(write_mammogram(tmp_path, ImageType=["DERIVED", "PRIMARY", *kind])).notes[0]
    )


NO_BREAST = {
    "iodine": ({"ImageType": ["DERIVED", "PRIMARY", "POST_CONTRAST", "SUBTRACTION"]}, "grey is iodine"),
    "iodine, in small letters": ({"ImageType": ["DERIVED", "PRIMARY", "", "recombined"]}, "grey is iodine"),
    "specimen by its module": ({"SpecimenDescriptionSequence": [item(SpecimenIdentifier="1")]}, "a specimen"),
    "specimen by its view": ({"ViewPosition": "SPECIMEN"}, "a specimen"),
    "specimen by its body part": ({"BodyPartExamined": "SPECIMEN"}, "a specimen"),
    "phantom": ({"QualityControlImage": "YES"}, "a phantom"),
    "ultrasound": (CAPTURE | {"SequenceOfUltrasoundRegions": [item(RegionDataType=1)]}, "an ultrasound image"),
}


@pytest.mark.parametrize(("attributes", "said"), NO_BREAST.values(), ids=NO_BREAST)
def test_what_shows_no_breast_is_refused_by_its_kind(tmp_path, attributes, said):
    with pytest.raises(InputRefusedError, match=f"E_IMAGE_KIND: .*{said}"):
        read_mammogram(write_mammogram(tmp_path, **attributes))


@pytest.mark.parametrize("value", ["STEREO_SCOUT", "STEREO_MINUS", "PREFIRE_PLUS", "POSTMARKER_MINUS"])
def test_an_image_of_a_biopsy_carries_a_remark(tmp_path, value):
    (note,) = read_mammogram(write_mammogram(tmp_path, ImageType=["ORIGINAL", "PRIMARY", value])).notes
    assert note.startswith("image of a biopsy")


def test_grey_values_and_side_of_a_synthesized_frame_come_from_its_functional_groups(tmp_path):
    frame = item(
        FrameVOILUTSequence=[item(WindowCenter=1000, WindowWidth=500)],
        FrameAnatomySequence=[item(FrameLaterality="R")],
    )
    shared = item(PixelValueTransformationSequence=[item(RescaleSlope=-1, RescaleIntercept=3300, RescaleType="US")])
    groups = {"PerFrameFunctionalGroupsSequence": [frame], "SharedFunctionalGroupsSequence": [shared]}
    mammogram = read_mammogram(write_mammogram(tmp_path, 3300 - RAMP, **SYNTHESIZED, **groups, ImageLaterality=None))
    assert mammogram.laterality == "R"
    # Values 0, 300, 600, 900 in a range of -795 to 3300. LINEAR: (900 - 999.5) / 499 + 0.5 = 0.3006 of it.
    np.testing.assert_allclose(mammogram.pixels[0], [-795, -795, -795, -795 + 0.3006 * 4095], atol=0.1)
