"""DICOM Segmentation (SEG) of the masses in one mammogram, on the pixel grid of the mammogram.

PS3.3 A.51 (Segmentation IOD); built with highdicom (Bridge et al. 2022, doi:10.1007/s10278-022-00683-y).
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DA, DT, TM

from mammoseg import __version__
from mammoseg.dicom import codes
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.read import laterality, view
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path

TYPE_2_KEYWORDS = (
    "PatientID PatientName PatientBirthDate PatientSex ReferringPhysicianName "
    "StudyDate StudyTime StudyID AccessionNumber"
).split()
"""Type 2 attributes of Patient and General Study: may be empty, must be there, and highdicom asks for them."""

STANDARD_ORIENTATION = {
    ("L", "CC"): ["A", "R"],
    ("R", "CC"): ["P", "L"],
    ("L", "MLO"): ["A", "FR"],
    ("R", "MLO"): ["P", "FL"],
    ("L", "ML"): ["A", "F"],
    ("R", "ML"): ["P", "F"],
    ("L", "LM"): ["A", "F"],
    ("R", "LM"): ["P", "F"],
}
"""Patient Orientation (row, column) of the usual display of (laterality, view), used where the source states none."""

OPPOSITE_DIRECTIONS = ("AP", "HF", "LR")
"""Letters of Patient Orientation of which one value takes at most one of each pair, PS3.3 C.7.6.1.1.1."""

TIME_TYPES: dict[str, Callable[[str], object]] = {"DA": DA, "TM": TM, "DT": DT}
"""Value representations of times, with the pydicom class that refuses a value which is not one."""

UNKNOWN_SPACING_MM = 1.0
"""Pixel size that the viewer profile states, and says it states, when the source has none."""

SERIES_NUMBER = 1000
"""Series Number of every segmentation: behind the acquired series of a study."""


@dataclass(frozen=True)
class Algorithm:
    """What drew the lesions, so that the object alone answers which model, which weights, which threshold."""

    name: str
    version: str
    weights_sha256: str
    threshold: float


class SegProfile(Enum):
    """How much geometry a segmentation of an image without Frame of Reference states.

    A mammogram has no position in space. ``STRICT`` says no more than that. ``VIEWER`` states a plane of its own in a
    Frame of Reference that no other image has, which OHIF, dcmqi, 3D Slicer and ``get_volume`` need.
    """

    VIEWER = "viewer"
    STRICT = "strict"


@no_header_values_in_warnings()
def build_segmentation(
    source: Dataset,
    lesions: Sequence[np.ndarray],
    *,
    algorithm: Algorithm | None,
    when: datetime,
    profile: SegProfile = SegProfile.VIEWER,
    probability: np.ndarray | None = None,
) -> hd.seg.Segmentation:
    """Build the segmentation of one single-frame image.

    UIDs follow from the source, the algorithm, the profile and the mask: the same run twice gives the same instance,
    and with the same `when` the same bytes.

    Args:
        source: header of the mammogram, pixels not needed; it is not changed.
        lesions: bool ``(Rows, Columns)`` each, in the stored pixel grid; one segment a lesion. None at all gives one
            segment with an all-zero frame. Empty when `probability` is given.
        algorithm: what drew the lesions; None when a person did (MANUAL).
        when: time of the segmentation; without time zone it is in the zone that the source states.
        profile: see `SegProfile`.
        probability: ``(Rows, Columns)``, 0 to 1. When given the object is FRACTIONAL, with one segment that holds the
            whole map in steps of 1/255; otherwise BINARY.

    Raises:
        InputRefusedError: when the source lacks a valid UID or has several frames.
        TypeError: when a lesion is not bool.
        ValueError: when a shape differs from the source, a lesion has no pixel, a probability is not in 0..1, both
            lesions and a probability are given, or neither `when` nor the source has a time zone.
    """
    _check_source(source)
    shape = (int(source.Rows), int(source.Columns))
    if probability is None:
        pixels = _stack_lesions(lesions, shape)
    elif len(lesions) == 0:
        pixels = _check_probability(probability, shape)
    else:
        raise ValueError(f"{len(lesions)} lesions and a probability are given; write two objects, one of each.")
    kind = "BINARY" if probability is None else "FRACTIONAL"
    identity = _identity(source, algorithm, f"{kind} {profile.value}", pixels)
    header = _header_for_highdicom(source, profile)
    when = _in_time_zone_of(source, when)
    segmentation = hd.seg.Segmentation(
        source_images=[header],
        pixel_array=pixels[np.newaxis],  # (1, Rows, Columns, segments)
        segmentation_type=kind,
        segment_descriptions=[
            _describe_segment(number, pixels[..., number - 1], source, algorithm)
            for number in range(1, pixels.shape[-1] + 1)
        ],
        series_instance_uid=_uid(*identity, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=_uid(*identity, "instance"),
        instance_number=1,
        manufacturer="mammoseg",
        manufacturer_model_name="mammoseg",
        software_versions=__version__,
        device_serial_number=__version__,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",  # highdicom refuses several at once, as Japanese files have
        omit_empty_frames=False,
        content_label="MASS_DRAWN" if algorithm is None else "MASS_AI",
        content_description=_content_description(source, algorithm, profile),
        content_creator_name="mammoseg^",
        series_description="Masses, drawn" if algorithm is None else "Masses (AI, unverified, not for diagnosis)",
        content_date=when.date(),
        content_time=when.time(),
        series_date=when.date(),
        series_time=when.time(),
        contributing_equipment=[_equipment(algorithm, when)],
    )
    segmentation.TimezoneOffsetFromUTC = when.strftime("%z")[:5]
    segmentation.PatientOrientation = _patient_orientation(source)
    _make_reproducible(segmentation, when, _uid(*identity, "dimensions"))
    return segmentation


def write_segmentation(segmentation: hd.seg.Segmentation, path: Path) -> None:
    """Write `segmentation` to `path`, whole or not at all; it counts as written once highdicom reads the same pixels.

    Raises:
        OSError: when the file cannot be written, or does not read back the same.
        ValueError: when an attribute taken over from the source breaks the rules of its value representation.
    """
    with atomic_path(path) as temporary:
        segmentation.save_as(temporary, enforce_file_format=True)
        written = hd.seg.segread(temporary)
        if not np.array_equal(_read_pixels(written), _read_pixels(segmentation)):
            raise OSError(f"{path.name} does not read back the pixels that were written; the disk may be failing.")


def _check_source(source: Dataset) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        if not UID(str(source.get(keyword) or "")).is_valid:
            raise InputRefusedError(
                "E_DICOM_UID", f"{keyword} is missing or not a valid UID, so nothing can refer to it."
            )
    if int(source.get("NumberOfFrames") or 1) > 1:
        raise InputRefusedError("E_MULTIFRAME", f"{source.NumberOfFrames} frames; a single-frame mammogram is needed.")


def _stack_lesions(lesions: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Stack to uint8 ``(Rows, Columns, segments)``; no lesion gives one empty segment."""
    for number, lesion in enumerate(lesions, start=1):
        if lesion.dtype != bool:
            raise TypeError(f"lesion {number} is {lesion.dtype}, must be bool; compare it with a threshold first.")
        _check_shape(f"lesion {number}", lesion, shape)
        if not lesion.any():
            raise ValueError(f"lesion {number} has no pixel; leave it out, an empty list means that nothing was found.")
    if len(lesions) == 0:
        return np.zeros((*shape, 1), np.uint8)
    return np.stack(lesions, axis=-1).astype(np.uint8)


def _check_probability(probability: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Check, and give float32 ``(Rows, Columns, 1)``."""
    _check_shape("probability", probability, shape)
    if not (probability.min() >= 0 and probability.max() <= 1):  # neither holds for NaN
        raise ValueError("probability has a value that is not a number from 0 to 1; a network's logits need a sigmoid.")
    return probability.astype(np.float32)[..., np.newaxis]


def _check_shape(name: str, pixels: np.ndarray, shape: tuple[int, int]) -> None:
    if pixels.shape != shape:
        raise ValueError(
            f"{name} is {pixels.shape}, the source is {shape} (Rows, Columns); send it to the stored grid."
        )


def _identity(source: Dataset, algorithm: Algorithm | None, kind: str, pixels: np.ndarray) -> list[str]:
    """Everything that decides the content, as text for `_uid`."""
    author = ["drawn"] if algorithm is None else [str(value) for value in astuple(algorithm)]
    return [str(source.SOPInstanceUID), *author, kind, __version__, hashlib.sha256(pixels.tobytes()).hexdigest()]


def _uid(*parts: str) -> str:
    return generate_uid(entropy_srcs=["mammoseg", "\n".join(parts)])


def _header_for_highdicom(source: Dataset, profile: SegProfile) -> Dataset:
    """Copy the header, with Type 2 attributes there, unreadable values empty, and the plane that `profile` states."""
    header = copy.deepcopy(source[:0x60000000])  # overlays and pixels stay behind
    for tag in header.keys():
        if dictionary_has_tag(tag) and not _is_valid_time(dictionary_VR(tag), header[tag].value):
            header[tag].value = None
    for keyword in TYPE_2_KEYWORDS:
        if keyword not in header:
            setattr(header, keyword, None)
    if header.PatientSex not in ("M", "F", "O"):
        header.PatientSex = None
    if "NumberOfFrames" in header:
        del (
            header.NumberOfFrames
        )  # one frame (checked above); its mere presence makes highdicom see a multi-frame image
    if not UID(header.get("FrameOfReferenceUID") or "").is_valid:
        header.pop("FrameOfReferenceUID", None)
    if profile is SegProfile.VIEWER and "ImagePositionPatient" not in header:
        header.FrameOfReferenceUID = header.get("FrameOfReferenceUID") or _uid(
            source.SOPInstanceUID, "frame of reference"
        )
        header.ImagePositionPatient = [0, 0, 0]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.PixelSpacing = _stated_spacing(source) or [UNKNOWN_SPACING_MM, UNKNOWN_SPACING_MM]
        header.SliceThickness = 1
    return header


def _is_valid_time(value_representation: str, value: object) -> bool:
    """False for a date, time or date-time that does not exist, such as 00000000."""
    if value_representation not in TIME_TYPES or not isinstance(value, str):
        return True
    try:
        TIME_TYPES[value_representation](value)
    except ValueError:
        return False
    return True


def _stated_spacing(source: Dataset) -> list[float] | None:
    """(row, column) in mm by which viewers lay out the source: not divided by magnification, so that both coincide."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = source.get(keyword)
        if spacing and len(spacing) == 2 and min(spacing) > 0:
            return list(spacing)
    return None


def _content_description(source: Dataset, algorithm: Algorithm | None, profile: SegProfile) -> str:
    author = "Drawn by a person" if algorithm is None else "AI, not for diagnosis"
    if profile is SegProfile.VIEWER and _stated_spacing(source) is None:
        return f"{author}; pixel size unknown, stated as 1 mm"
    return author


def _describe_segment(
    number: int, pixels: np.ndarray, source: Dataset, algorithm: Algorithm | None
) -> hd.seg.SegmentDescription:
    tracking_uid = _uid(*_identity(source, algorithm, "lesion", pixels))  # the same lesion in whatever object
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"Mass {number}",
        segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        segmented_property_type=codes.MASS,
        algorithm_type="MANUAL" if algorithm is None else "AUTOMATIC",
        algorithm_identification=None if algorithm is None else _identify(algorithm),
        tracking_uid=tracking_uid,
        tracking_id=f"mammoseg mass {tracking_uid[-8:]}",
        anatomic_regions=[codes.BREAST],
    )
    if side := laterality(source):
        modifier = hd.sr.CodedConcept.from_code(codes.LATERALITY[side])
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    return description


def _identify(algorithm: Algorithm) -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.ARTIFICIAL_INTELLIGENCE,
        version=algorithm.version,
        source="mammoseg",
        parameters={"weights_sha256": algorithm.weights_sha256, "threshold": f"{algorithm.threshold:g}"},
    )


def _equipment(algorithm: Algorithm | None, when: datetime) -> hd.ContributingEquipment:
    return hd.ContributingEquipment(
        manufacturer="mammoseg",
        purpose_of_reference=codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name="mammoseg" if algorithm is None else algorithm.name,
        software_versions=__version__ if algorithm is None else algorithm.version,
        contribution_datetime=when,
        contribution_description="Segmentation of masses; research only, not for diagnosis",
    )


def _patient_orientation(source: Dataset) -> list[str] | None:
    """The source's, else that of the usual display of its side and view, else empty (the attribute is Type 2C)."""
    stated = source.get("PatientOrientation") or []
    if len(stated) == 2 and all(_is_direction(value) for value in stated):
        return list(stated)
    return STANDARD_ORIENTATION.get((laterality(source) or "", view(source) or ""))


def _is_direction(value: str) -> bool:
    axes = [pair for letter in value for pair in OPPOSITE_DIRECTIONS if letter in pair]
    return 1 <= len(value) == len(axes) == len(set(axes))


def _in_time_zone_of(source: Dataset, when: datetime) -> datetime:
    """`when` in the zone that the source states: one offset holds for all times of an object (PS3.3 C.12.1.1.8)."""
    try:
        zone = datetime.strptime(str(source.get("TimezoneOffsetFromUTC", "")), "%z").tzinfo
    except ValueError:
        zone = when.tzinfo
    if zone is None:
        raise ValueError(f"{when} has no time zone and the source states none; pass datetime.now(timezone.utc).")
    return when.replace(tzinfo=zone) if when.tzinfo is None else when.astimezone(zone)


def _make_reproducible(segmentation: hd.seg.Segmentation, when: datetime, dimension_uid: str) -> None:
    """Replace what highdicom takes from the clock and from chance, so that the same input gives the same bytes."""
    segmentation.InstanceCreationDate = DA(when.date())
    segmentation.InstanceCreationTime = TM(when.time())
    segmentation.ContributingEquipmentSequence[-1].ContributionDateTime = DT(when)  # highdicom's item about itself
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimension_uid


def _read_pixels(segmentation: hd.seg.Segmentation) -> np.ndarray:
    """Stored values, ``(frames, Rows, Columns)``, found through the reference to the source image."""
    _, _, instance = segmentation.get_source_image_uids()[0]
    return segmentation.get_pixels_by_source_instance([instance], rescale_fractional=False)
