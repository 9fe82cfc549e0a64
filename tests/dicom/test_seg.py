"""Pixels, kinds and profiles of a SEG, and what is refused."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.dicom.write import write_object
from tests.dicom.readers import errors_of_dciodvfy
from tests.made_analysis import ALGORITHM, WHEN, build, write_and_read

REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


@pytest.mark.parametrize("profile", SegProfile)
def test_highdicom_reads_each_lesion_back_identical(source, lesions, profile, tmp_path):
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN, profile=profile)
    pixels = write_and_read(segmentation, tmp_path).get_pixels_by_source_instance([source.SOPInstanceUID])
    assert np.array_equal(pixels, np.stack(lesions, axis=-1)[np.newaxis])  # (1, 40, 30, 2)


def test_viewer_profile_reads_as_a_volume(source, lesions, tmp_path):
    written = write_and_read(build(source, lesions, algorithm=ALGORITHM, when=WHEN), tmp_path)
    volume = written.get_volume()
    assert np.array_equal(volume.array, np.stack(lesions, axis=-1)[np.newaxis])
    assert volume.pixel_spacing == (0.07, 0.07)


def test_overlapping_lesions_stay_apart(source, lesions, tmp_path):
    overlapping = [lesions[0], lesions[0] | lesions[1]]
    written = write_and_read(build(source, overlapping, algorithm=ALGORITHM, when=WHEN), tmp_path)
    pixels = written.get_pixels_by_source_instance([source.SOPInstanceUID])
    assert np.array_equal(pixels[0, ..., 1], overlapping[1])


def test_no_lesion_reads_back_as_one_empty_segment(source, tmp_path):
    written = write_and_read(build(source, [], algorithm=ALGORITHM, when=WHEN), tmp_path)
    pixels = written.get_pixels_by_source_instance([source.SOPInstanceUID])
    assert pixels.shape == (1, 40, 30, 1)
    assert not pixels.any()


def test_probability_reads_back_within_half_a_step(source, tmp_path):
    probability = np.random.default_rng(0).random((40, 30), np.float32)
    written = write_and_read(
        build(source, [], kind=SegKind.FRACTIONAL, algorithm=ALGORITHM, when=WHEN, probability=probability), tmp_path
    )
    assert written.SegmentationType == "FRACTIONAL"
    pixels = written.get_pixels_by_source_instance([source.SOPInstanceUID])
    assert np.abs(pixels[0, ..., 0] - probability).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("profile", SegProfile)
@pytest.mark.parametrize("kind", ["lesions", "nothing", "drawn", "probability"])
def test_dciodvfy_finds_no_error(source, lesions, profile, kind, tmp_path, dciodvfy):
    arguments = {
        "lesions": {"lesions": lesions, "algorithm": ALGORITHM},
        "nothing": {"lesions": [], "algorithm": ALGORITHM},
        "drawn": {"lesions": lesions, "algorithm": None},
        "probability": {
            "lesions": [],
            "algorithm": ALGORITHM,
            "kind": SegKind.FRACTIONAL,
            "probability": np.full((40, 30), 0.25),
        },
    }[kind]
    segmentation = build(source, when=WHEN, profile=profile, **arguments)
    write_object(segmentation, tmp_path / "seg.dcm")
    assert errors_of_dciodvfy(dciodvfy, tmp_path / "seg.dcm") == []


@pytest.mark.parametrize("profile", SegProfile)
@pytest.mark.parametrize("name", REAL)
def test_real_mammograms_get_a_valid_segmentation(name, profile, shared_data, tmp_path, dciodvfy):
    source = pydicom.dcmread(shared_data / "dicom_mg" / name, stop_before_pixels=True)
    lesion = np.zeros((source.Rows, source.Columns), bool)
    lesion[100:180, 300:350] = True
    written = write_and_read(build(source, [lesion], algorithm=ALGORITHM, when=WHEN, profile=profile), tmp_path)
    assert np.array_equal(written.get_pixels_by_source_instance([source.SOPInstanceUID])[0, ..., 0], lesion)
    assert errors_of_dciodvfy(dciodvfy, tmp_path / "seg.dcm") == []


def test_another_mask_threshold_or_profile_gives_another_instance(source, lesions):
    segmentations = [
        build(source, lesions, algorithm=ALGORITHM, when=WHEN),
        build(source, lesions[:1], algorithm=ALGORITHM, when=WHEN),
        build(source, lesions, algorithm=replace(ALGORITHM, threshold=0.4), when=WHEN),
        build(source, lesions, algorithm=ALGORITHM, when=WHEN, profile=SegProfile.STRICT),
        build(source, lesions, algorithm=None, when=WHEN),
    ]
    assert len({segmentation.SOPInstanceUID for segmentation in segmentations}) == 5
    assert len({segmentation.SeriesInstanceUID for segmentation in segmentations}) == 5


def test_a_lesion_keeps_its_tracking_uid_when_another_one_is_added(source, lesions):
    alone = build(source, lesions[1:], algorithm=ALGORITHM, when=WHEN)
    both = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert alone.SegmentSequence[0].TrackingUID == both.SegmentSequence[1].TrackingUID


def test_synthetic_frame_of_reference_belongs_to_one_image(source, lesions):
    first = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    again = build(source, lesions[:1], algorithm=None, when=WHEN)
    source.SOPInstanceUID = "1.2.3"
    other = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert first.FrameOfReferenceUID == again.FrameOfReferenceUID != other.FrameOfReferenceUID


def test_strict_profile_states_no_geometry(source, lesions):
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN, profile=SegProfile.STRICT)
    assert "FrameOfReferenceUID" not in segmentation
    assert "PixelMeasuresSequence" not in segmentation.SharedFunctionalGroupsSequence[0]
    assert "PlanePositionSequence" not in segmentation.PerFrameFunctionalGroupsSequence[0]


@pytest.mark.parametrize("profile", SegProfile)
def test_half_a_plane_counts_as_none(source, lesions, profile, tmp_path):
    source.FrameOfReferenceUID, source.ImagePositionPatient = "1.2.3.4", [7, 8, 9]
    written = write_and_read(build(source, lesions, algorithm=None, when=WHEN, profile=profile), tmp_path)
    (position,) = [frame.get("PlanePositionSequence") for frame in written.PerFrameFunctionalGroupsSequence[:1]]
    assert written.FrameOfReferenceUID == "1.2.3.4"
    assert position is None if profile is SegProfile.STRICT else position[0].ImagePositionPatient == [0, 0, 0]


def test_own_frame_of_reference_is_kept(source, lesions):
    source.FrameOfReferenceUID = "1.2.3.4"
    assert build(source, lesions, algorithm=None, when=WHEN).FrameOfReferenceUID == "1.2.3.4"


def test_unknown_spacing_is_said_to_be_unknown(source, lesions):
    del source.ImagerPixelSpacing
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert segmentation.ContentDescription == "AI, not for diagnosis; pixel size unknown, stated as 1 mm"


@pytest.mark.parametrize(
    ("lesion", "error", "message"),
    [
        (np.ones((40, 30), np.uint8), TypeError, "lesion 1 is uint8, must be bool"),
        (np.ones((30, 40), bool), ValueError, r"lesion 1 is \(30, 40\), the source is \(40, 30\)"),
        (np.zeros((40, 30), bool), ValueError, "lesion 1 has no pixel"),
    ],
    ids=["not bool", "transposed", "no pixel"],
)
def test_bad_lesion_is_refused(source, lesion, error, message):
    with pytest.raises(error, match=message):
        build(source, [lesion], algorithm=ALGORITHM, when=WHEN)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01])
def test_bad_probability_is_refused(source, value):
    probability = np.full((40, 30), 0.5)
    probability[3, 4] = value
    with pytest.raises(ValueError, match="not a number from 0 to 1"):
        build(source, [], algorithm=ALGORITHM, when=WHEN, probability=probability)


def test_a_probability_map_that_is_not_there_is_refused(source, lesions):
    with pytest.raises(ValueError, match="needs a probability map"):
        build(source, lesions, kind=SegKind.FRACTIONAL, algorithm=ALGORITHM, when=WHEN)


@pytest.mark.parametrize("profile", SegProfile)
def test_label_map_numbers_each_lesion(source, lesions, profile, tmp_path):
    segmentation = build(source, lesions, kind=SegKind.LABELMAP, algorithm=ALGORITHM, when=WHEN, profile=profile)
    written = write_and_read(segmentation, tmp_path)
    assert (written.SOPClassUID, written.BitsAllocated) == ("1.2.840.10008.5.1.4.1.1.66.7", 8)
    assert np.array_equal(written.pixel_array, lesions[0] + 2 * lesions[1])
    assert [(item.SegmentNumber, item.SegmentLabel) for item in written.SegmentSequence] == [
        (0, "Background"),
        (1, "Mass 1"),
        (2, "Mass 2"),
    ]


def test_label_map_of_nothing_is_background(source, tmp_path):
    segmentation = build(source, [], kind=SegKind.LABELMAP, algorithm=ALGORITHM, when=WHEN)
    assert not write_and_read(segmentation, tmp_path).pixel_array.any()


def test_overlapping_lesions_are_no_label_map(source, lesions):
    overlapping = [lesions[0], lesions[0] | lesions[1]]
    with pytest.raises(ValueError, match="lesion 2 shares 68 pixels with others, LABELMAP holds one lesion a pixel"):
        build(source, overlapping, kind=SegKind.LABELMAP, algorithm=ALGORITHM, when=WHEN)
