"""What a SEG takes over from its source, and what it says about itself."""

import pydicom
import pytest
from pydicom import uid
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.sr.codedict import codes as dictionary
from pydicom.tag import Tag

from mammoseg.dicom import codes
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from tests.dicom.readers import errors_of_dciodvfy
from tests.made_analysis import ALGORITHM, WHEN, build, write_and_read


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
    assert errors_of_dciodvfy(dciodvfy, tmp_path / "seg.dcm") == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "00000000"),
        ("PatientBirthDate", ["19700101", "19710101"]),
        ("StudyDate", "99999999"),
        ("StudyTime", "25"),
        ("StudyID", "longer than 16 characters"),
        ("PatientSex", "female"),
        ("PatientAge", "old"),
        ("StudyDescription", "d" * 65),
        ("LossyImageCompression", "maybe"),
        ("PixelSpacing", 0.1),
    ],
)
def test_a_malformed_value_is_left_out(source, lesions, keyword, value, tmp_path):
    with pydicom.config.disable_value_validation():
        source.add_new(keyword, dictionary_VR(keyword), value)
    written = write_and_read(build(source, lesions, algorithm=None, when=WHEN), tmp_path)
    assert written.get(keyword) in (None, "", "00")
    assert source[keyword].value == value, "the caller's header was changed"


def test_a_number_that_is_none_is_left_out(source, lesions, tmp_path):
    source._dict[Tag("PatientWeight")] = RawDataElement(Tag("PatientWeight"), "DS", 4, b"much", 0, False, True)
    assert "PatientWeight" not in write_and_read(build(source, lesions, algorithm=None, when=WHEN), tmp_path)


def test_a_sequence_about_the_patient_that_is_incomplete_is_left_out(source, lesions, tmp_path):
    source.OtherPatientIDsSequence = [pydicom.Dataset()]
    source.OtherPatientIDsSequence[0].PatientID = "other"  # and no Type of Patient ID
    assert "OtherPatientIDsSequence" not in write_and_read(build(source, lesions, algorithm=None, when=WHEN), tmp_path)


@pytest.mark.parametrize(("keyword", "value"), [("PatientID", "i" * 65), ("PatientName", ["A^B", "C^D"])])
def test_a_malformed_name_or_number_of_the_patient_is_refused(source, lesions, keyword, value):
    with pydicom.config.disable_value_validation():
        source.add_new(keyword, dictionary_VR(keyword), value)
    with pytest.raises(InputRefusedError, match=f"E_ATTRIBUTE: {keyword} is malformed"):
        build(source, lesions, algorithm=None, when=WHEN)


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
