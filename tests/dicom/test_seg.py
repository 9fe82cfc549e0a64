import subprocess
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.sr.codedict import codes as dictionary

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom import codes
from mammoseg.dicom.derived import Algorithm, Analysis
from mammoseg.dicom.seg import SegKind, SegProfile, build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ALGORITHM = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


@pytest.fixture
def source(tmp_path):
    """Header of a left CC mammogram, 40 x 30 pixels of 0.07 mm, without Frame of Reference."""
    pixels = np.arange(40 * 30).reshape(40, 30)
    write_mammogram(tmp_path / "source.dcm", pixels, patient_id="CANARY")
    return pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True)


@pytest.fixture
def lesions():
    """Two rectangles, not symmetric in any way, so that a flip or a transposition shows."""
    first, second = np.zeros((2, 40, 30), bool)
    first[3:7, 5:20] = True
    second[20:37, 2:6] = True
    return [first, second]


def build(source, lesions, *, kind=SegKind.BINARY, profile=SegProfile.VIEWER, **known):
    return build_segmentation(Analysis(source, lesions, **known), kind=kind, profile=profile)


def write_and_read(segmentation, folder):
    write_object(segmentation, folder / "seg.dcm")
    return hd.seg.segread(folder / "seg.dcm")


def errors_found(dciodvfy, path):
    output = subprocess.run([dciodvfy, "-new", path], capture_output=True, text=True, timeout=60)
    lines = (output.stdout + output.stderr).splitlines()
    assert any("Segmentation" in line for line in lines), "dciodvfy did not recognise the object"
    return [line for line in lines if line.startswith("Error")]


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
    assert errors_found(dciodvfy, tmp_path / "seg.dcm") == []


@pytest.mark.parametrize("profile", SegProfile)
@pytest.mark.parametrize("name", REAL)
def test_real_mammograms_get_a_valid_segmentation(name, profile, shared_data, tmp_path, dciodvfy):
    source = pydicom.dcmread(shared_data / "dicom_mg" / name, stop_before_pixels=True)
    lesion = np.zeros((source.Rows, source.Columns), bool)
    lesion[100:180, 300:350] = True
    written = write_and_read(build(source, [lesion], algorithm=ALGORITHM, when=WHEN, profile=profile), tmp_path)
    assert np.array_equal(written.get_pixels_by_source_instance([source.SOPInstanceUID])[0, ..., 0], lesion)
    assert errors_found(dciodvfy, tmp_path / "seg.dcm") == []


@pytest.mark.parametrize("arguments", [{"algorithm": ALGORITHM}, {"algorithm": None}], ids=["algorithm", "drawn"])
def test_same_inputs_give_the_same_bytes(source, lesions, arguments, tmp_path):
    for name in ("once", "twice"):
        segmentation = build(source, lesions, when=WHEN, **arguments)
        write_object(segmentation, tmp_path / name)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_another_time_gives_the_same_instance(source, lesions):
    first = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    second = build(source, lesions, algorithm=ALGORITHM, when=WHEN + timedelta(hours=1))
    assert first.SOPInstanceUID == second.SOPInstanceUID


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


def test_own_frame_of_reference_is_kept(source, lesions):
    source.FrameOfReferenceUID = "1.2.3.4"
    assert build(source, lesions, algorithm=None, when=WHEN).FrameOfReferenceUID == "1.2.3.4"


def test_unknown_spacing_is_said_to_be_unknown(source, lesions):
    del source.ImagerPixelSpacing
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert segmentation.ContentDescription == "AI, not for diagnosis; pixel size unknown, stated as 1 mm"


def test_the_object_alone_says_what_drew_it(source, lesions):
    segment = build(source, lesions, algorithm=ALGORITHM, when=WHEN).SegmentSequence[0]
    identification = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert (segment.SegmentAlgorithmType, identification.AlgorithmName) == ("AUTOMATIC", "unet")
    assert identification.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    assert identification.AlgorithmParameters == f"weights_sha256={'ab' * 32},threshold=0.5"


def test_a_person_is_not_called_an_algorithm(source, lesions):
    segmentation = build(source, lesions, algorithm=None, when=WHEN)
    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert "AI" not in segmentation.SeriesDescription + segmentation.ContentDescription


@pytest.mark.parametrize(("laterality", "code"), [("L", "7771000"), ("R", "24028007")])
def test_segment_names_mass_breast_and_side(source, lesions, laterality, code):
    source.ImageLaterality = laterality
    segment = build(source, lesions, algorithm=None, when=WHEN).SegmentSequence[0]
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "4147007"
    assert segment.AnatomicRegionSequence[0].CodeValue == "76752008"
    assert segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeValue == code


def test_unknown_side_is_left_out(source, lesions):
    source.ImageLaterality = ""
    segment = build(source, lesions, algorithm=None, when=WHEN).SegmentSequence[0]
    assert "AnatomicRegionModifierSequence" not in segment.AnatomicRegionSequence[0]


def test_codes_are_those_of_the_dictionary():
    assert codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE == dictionary.SCT.MorphologicallyAbnormalStructure
    assert codes.MASS == dictionary.SCT.Mass
    assert codes.BREAST == dictionary.SCT.Breast
    assert codes.LATERALITY == {"L": dictionary.SCT.Left, "R": dictionary.SCT.Right}
    assert codes.ARTIFICIAL_INTELLIGENCE == dictionary.DCM.ArtificialIntelligence
    assert codes.PROCESSING_EQUIPMENT == dictionary.DCM.ProcessingEquipment


@pytest.mark.parametrize(
    ("stated", "view", "expected"),
    [
        (["P", "FL"], "CC", ["P", "FL"]),
        (["R", "P"], "CC", ["R", "P"]),
        (["AP", "F"], "MLO", ["A", "FR"]),  # a direction cannot be both
        (["A"], "ML", ["A", "F"]),
        (["A", "x"], "XCCL", None),
        (None, "CC", ["A", "R"]),
    ],
)
def test_patient_orientation_is_the_stated_one_or_that_of_the_view(source, lesions, stated, view, expected):
    with pydicom.config.disable_value_validation():
        source.PatientOrientation = stated
    del source.ViewCodeSequence
    source.ViewPosition = view
    orientation = build(source, lesions, algorithm=None, when=WHEN).PatientOrientation
    assert (list(orientation) if orientation else None) == expected


@pytest.mark.parametrize("profile", SegProfile)
def test_poor_header_gives_a_valid_object(source, lesions, profile, tmp_path, dciodvfy):
    for keyword in "PatientID PatientName PatientBirthDate StudyDate StudyTime StudyID AccessionNumber".split():
        delattr(source, keyword)
    del source.PatientOrientation, source.ImagerPixelSpacing, source.ViewPosition, source.TimezoneOffsetFromUTC
    source.PatientSex = "U"
    source.NumberOfFrames = 1
    source.FrameOfReferenceUID = ""
    write_object(build(source, lesions, algorithm=None, when=WHEN, profile=profile), tmp_path / "seg.dcm")
    assert errors_found(dciodvfy, tmp_path / "seg.dcm") == []


@pytest.mark.parametrize("keyword", ["PatientBirthDate", "StudyDate", "StudyTime"])
def test_date_that_does_not_exist_becomes_empty(source, lesions, keyword):
    with pydicom.config.disable_value_validation():
        setattr(source, keyword, "99999999")
    segmentation = build(source, lesions, algorithm=None, when=WHEN)
    assert not segmentation[keyword].value
    assert source[keyword].value == "99999999", "the caller's header was changed"


def test_times_are_in_the_zone_of_the_source(source, lesions):
    source.TimezoneOffsetFromUTC = "-0400"
    segmentation = build(source, lesions, algorithm=None, when=WHEN)  # 03:04:05 UTC on 2 January
    assert (str(segmentation.SeriesDate), str(segmentation.SeriesTime)) == ("20260101", "230405")
    assert segmentation.TimezoneOffsetFromUTC == "-0400"


def test_time_without_any_zone_is_refused(source, lesions):
    del source.TimezoneOffsetFromUTC
    with pytest.raises(ValueError, match="no time zone"):
        build(source, lesions, algorithm=None, when=WHEN.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("character_set", "name"),
    [(["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"), ("ISO_IR 100", "Müller^Zoë"), ("ISO_IR 192", "Łódź^Ş")],
    ids=["Japanese", "Latin 1", "UTF-8"],
)
def test_names_in_any_declared_character_set_survive(source, lesions, character_set, name, tmp_path):
    source.SpecificCharacterSet = character_set
    source.PatientName = name
    source.save_as(tmp_path / "named.dcm")
    source = pydicom.dcmread(tmp_path / "named.dcm")
    written = write_and_read(build(source, lesions, algorithm=None, when=WHEN), tmp_path)
    assert str(written.PatientName) == name


def test_odd_patient_name_is_not_quoted_in_a_warning(source, lesions, recwarn, caplog):
    source.PatientName = "CANARY"
    build(source, lesions, algorithm=None, when=WHEN)
    assert len(recwarn) == 0
    assert caplog.text == ""


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


@pytest.mark.parametrize("uid", ["", "../../etc", "1." + "2" * 64])
def test_source_without_a_valid_uid_is_refused(source, lesions, uid):
    with pydicom.config.disable_value_validation():
        source.SOPInstanceUID = uid
    with pytest.raises(InputRefusedError, match="E_DICOM_UID: SOPInstanceUID"):
        build(source, lesions, algorithm=ALGORITHM, when=WHEN)


def test_source_of_several_frames_is_refused(source, lesions):
    source.NumberOfFrames = 5
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: 5 frames"):
        build(source, lesions, algorithm=ALGORITHM, when=WHEN)


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
    with pytest.raises(ValueError, match="lesion 2 shares 60 pixels with others, LABELMAP holds one lesion a pixel"):
        build(source, overlapping, kind=SegKind.LABELMAP, algorithm=ALGORITHM, when=WHEN)


def test_only_lesions_are_tracked(source, lesions):
    nothing = build(source, [], algorithm=ALGORITHM, when=WHEN)
    chance = build(source, lesions, kind=SegKind.FRACTIONAL, algorithm=ALGORITHM, when=WHEN, probability=lesions[0] / 2)
    masses = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert [segment.SegmentLabel for segment in nothing.SegmentSequence] == ["No mass found"]
    assert [segment.SegmentLabel for segment in chance.SegmentSequence] == ["Probability of mass"]
    for segment in (*nothing.SegmentSequence, *chance.SegmentSequence):
        assert "TrackingUID" not in segment
    assert len({segment.TrackingUID for segment in masses.SegmentSequence}) == 2
    assert len({segment.TrackingID for segment in masses.SegmentSequence}) == 2


def test_a_lossy_source_gives_a_segmentation_that_says_so(source, lesions, tmp_path):
    source.LossyImageCompression = "01"
    source.LossyImageCompressionRatio = 12.5
    source.LossyImageCompressionMethod = "ISO_10918_1"
    written = write_and_read(build(source, lesions, algorithm=ALGORITHM, when=WHEN), tmp_path)
    assert written.LossyImageCompression == "01"
    assert written.LossyImageCompressionRatio == 12.5
    assert written.LossyImageCompressionMethod == "ISO_10918_1"


@pytest.mark.parametrize(
    ("syntax", "flag"),
    [(uid.JPEGExtended12Bit, "01"), (uid.JPEGLSNearLossless, "01"), (uid.JPEGLSLossless, "00"), (uid.JPEG2000, "00")],
)
def test_a_syntax_that_always_loses_counts_as_lossy_whatever_the_header_says(source, lesions, syntax, flag):
    source.file_meta.TransferSyntaxUID = syntax
    source.LossyImageCompression = "00"
    assert build(source, lesions, algorithm=ALGORITHM, when=WHEN).LossyImageCompression == flag


def test_equipment_is_the_mammograph_the_model_and_highdicom(source, lesions):
    source.Manufacturer = "Maker"
    equipment = build(source, lesions, algorithm=ALGORITHM, when=WHEN).ContributingEquipmentSequence
    assert [item.Manufacturer for item in equipment] == ["Maker", "mammoseg", "Highdicom open-source contributors"]
    assert (equipment[1].ManufacturerModelName, equipment[1].SoftwareVersions) == ("unet", "0.1.0")


def test_every_frame_refers_to_the_source_pixel_by_pixel(source, lesions):
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        derivation = frame.DerivationImageSequence[0]
        image = derivation.SourceImageSequence[0]
        assert derivation.DerivationCodeSequence[0].CodeValue == "113076"  # Segmentation
        assert image.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"  # Source image for processing
        assert (image.ReferencedSOPInstanceUID, image.SpatialLocationsPreserved) == (source.SOPInstanceUID, "YES")
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID


def test_the_side_stands_at_the_image_and_at_each_segment(source, lesions):
    segmentation = build(source, lesions, algorithm=ALGORITHM, when=WHEN)
    assert (segmentation.ImageLaterality, segmentation.BodyPartExamined) == ("L", "BREAST")
