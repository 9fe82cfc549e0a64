"""What every DICOM object about one mammogram is made from, and what all of them take over from it."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import Any

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.uid import (
    UID,
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    generate_uid,
)
from pydicom.valuerep import DA, DT, TM

from mammoseg import __version__
from mammoseg.calibration import UNCALIBRATED, Calibration
from mammoseg.counts import count_of
from mammoseg.dicom import codes
from mammoseg.dicom.attributes import laterality, numbers, view
from mammoseg.dicom.header import drop_control_characters, malformed_keywords
from mammoseg.dicom.iod import incomplete_sequences
from mammoseg.dicom.measure import bounding_window
from mammoseg.errors import InputRefusedError
from mammoseg.overlay import OUTLINE_BGR, lesion_name

MANUFACTURER = "mammoseg"

OUTLINE_COLOUR = hd.color.CIELabColor.from_rgb(*reversed(OUTLINE_BGR))
"""Colour that a viewer is asked to show lesions in: that of the overlays."""

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

LOSSY_METHODS = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
}
"""Transfer syntaxes that always lose, with the Lossy Image Compression Method that says so, PS3.3 C.7.6.1.1.5."""

HANGING_ORDER = [f"{side} {projection}" for projection in codes.VIEW for side in "RL"]
"""Side and view in the order in which a study is read, right before left: R CC, L CC, R MLO, ..."""

REFERENCED_CLASS = tag_for_keyword("ReferencedSOPClassUID")

OPPOSITE_DIRECTIONS = ("AP", "HF", "LR")
"""Letters of Patient Orientation of which one value takes at most one of each pair, PS3.3 C.7.6.1.1.1."""


@dataclass(frozen=True)
class Algorithm:
    """What drew the lesions, so that the object alone answers which model, which weights, which threshold.

    Attributes:
        name: name of the bundle.
        version: version of the bundle.
        weights_sha256: hash of the file of the weights.
        threshold: probability from which a pixel is mass.
        weights_file: name of that file, without the folder.
        trained_on: source of the data that the weights were trained on, such as ``cbis_ddsm``.
        warning: what must be said of these weights, see `mammoseg.provenance.warning_of`.
        flips: those of the image that the probability is the mean over, such as ``up-down``; None where there are none.
        calibration: makes the score of a lesion out of its highest probability; None where nobody has fitted one.
        min_area_mm2: least area of a lesion in the breast, where the image has an honest spacing; None where the size
            of the image alone decides.
        engine: name and version of what computed the network, such as ``openvino 2026.4.1``.
        precision: what it computed with, such as ``f32``.
    """

    name: str
    version: str
    weights_sha256: str
    threshold: float
    weights_file: str | None = None
    trained_on: str | None = None
    warning: str | None = None
    flips: str | None = None
    calibration: Calibration | None = None
    min_area_mm2: float | None = None
    engine: str | None = None
    precision: str | None = None

    def score(self, probability: np.ndarray, lesion: np.ndarray) -> float:
        """Score of a lesion, 0 to 1, which `score_meaning` names.

        Args:
            probability: probability of mass, ``(rows, columns)``, 0 to 1.
            lesion: bool of the same shape, with a pixel.
        """
        window = bounding_window(lesion)
        highest = float(probability[window][lesion[window]].max())
        return highest if self.calibration is None else float(self.calibration(highest))

    @property
    def score_kind(self) -> str:
        """What scores are, in a word or two."""
        return UNCALIBRATED if self.calibration is None else f"calibrated on {self.calibration.fitted_on}"

    @property
    def score_meaning(self) -> str:
        """What scores are, in a sentence."""
        if self.calibration is None:
            return "highest probability of the network in the mass, uncalibrated; no probability of cancer"
        data = self.calibration.fitted_on
        return f"estimated share of such marks that are masses, fitted on {data}; no probability of cancer"

    @property
    def parameters(self) -> dict[str, str]:
        """Weights, threshold and what else decides, by the names that they have in every object.

        A SEG has all in one text with commas between them, so a name of data loses its own.
        """
        known = {
            "weights_sha256": self.weights_sha256,
            "weights_file": self.weights_file,
            "trained_on": self.trained_on,
            "threshold": f"{self.threshold:g}",
            "flips": self.flips,
            "calibration": None if self.calibration is None else str(self.calibration).replace(",", ";"),
            "min_area_mm2": None if self.min_area_mm2 is None else f"{self.min_area_mm2:g}",
            "engine": self.engine,
            "precision": self.precision,
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Assistance:
    """What proposed an outline that a person took or corrected.

    Attributes:
        name: name of the model.
        version: version of that model.
        parameters: its weights and what else decides, by the names of `Algorithm.parameters`.
        is_learned: whether a network drew it; else grey values alone decide.
    """

    name: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_learned: bool = True


@dataclass(frozen=True)
class Analysis:
    """One single-frame mammogram and what was found in it.

    Attributes:
        source: header of the mammogram, pixels not needed; it is never changed.
        lesions: bool ``(Rows, Columns)`` each, in the stored pixel grid, largest first where a model found them; none
            when nothing was found.
        algorithm: what drew the lesions; None when a person did.
        when: time of the analysis; without time zone it is in the zone that the source states.
        probability: probability of mass, ``(Rows, Columns)``, 0 to 1; None where there is none, as when a person drew.
        assisted: models that helped a person with the lesions, one a lesion, in their order; None where none did.

    Raises:
        InputRefusedError: the source lacks a valid UID or has several frames.
        TypeError: a lesion is not bool.
        ValueError: a shape differs from the source, a lesion has no pixel, a probability is not in 0..1, or neither
            `when` nor the source has a time zone.
    """

    source: Dataset
    lesions: Sequence[np.ndarray]
    algorithm: Algorithm | None
    when: datetime
    probability: np.ndarray | None = None
    assisted: Sequence[Assistance | None] = ()

    def __post_init__(self) -> None:
        _check_source(self.source)
        _check_lesions(self.lesions, self.shape)
        if self.probability is not None:
            _check_probability(self.probability, self.shape)
        object.__setattr__(self, "when", _in_time_zone_of(self.source, self.when))

    @property
    def shape(self) -> tuple[int, int]:
        """``(Rows, Columns)`` of the source."""
        return int(self.source.Rows), int(self.source.Columns)

    @property
    def author(self) -> list[str]:
        """What drew the lesions, as text that a UID can follow from."""
        if self.algorithm is None:
            return ["drawn"]
        return [str(value) for value in astuple(self.algorithm) if value is not None]

    @property
    def drawer(self) -> list[str]:
        """`author` without the engine that computed: a lesion is the same one whoever computed it."""
        if self.algorithm is None:
            return self.author
        return [str(value) for value in astuple(replace(self.algorithm, engine=None)) if value is not None]

    def instance_uid(self, kind: str, content: bytes) -> str:
        """SOP Instance UID that follows from the source, the author, the kind of object and all that decides its bytes.

        Args:
            content: whatever of the object is not decided by source, author and kind, such as its pixels.
        """
        digest = hashlib.sha256(content).hexdigest()
        versions = (__version__, hd.__version__)  # both decide the bytes
        return derive_uid(str(self.source.SOPInstanceUID), *self.author, kind, *versions, digest, "instance")

    def tracking_uid(self, lesion: np.ndarray) -> str:
        """Tracking UID of a lesion: the same in every object that speaks of it."""
        digest = hashlib.sha256(np.packbits(lesion).tobytes()).hexdigest()
        return derive_uid(str(self.source.SOPInstanceUID), *self.drawer, "lesion", digest)

    def score(self, lesion: np.ndarray) -> float | None:
        """Score of a lesion; None where a person drew, or nothing is known of probabilities."""
        if self.algorithm is None or self.probability is None:
            return None
        return self.algorithm.score(self.probability, lesion)

    def named_lesions(self) -> list[tuple[str, np.ndarray]]:
        """Each lesion after its name, which is its Tracking Identifier, Segment Label and label in pictures."""
        return [(lesion_name(number), lesion) for number, lesion in enumerate(self.lesions, start=1)]


def derive_uid(*parts: str) -> str:
    """UID that follows from `parts` and nothing else; PS3.5 B.2."""
    return generate_uid(entropy_srcs=["mammoseg", "\n".join(parts)])


def source_header(source: Dataset) -> Dataset:
    """Copy of the header that highdicom takes: standard attributes without pixels, Type 2 attributes there.

    What is unusable is left out (see `unusable_keywords`), but for the two attributes that name the patient. Texts lose
    their control characters, so that no escape sequence reaches a terminal through a result.

    Raises:
        InputRefusedError: Patient ID or Patient's Name is malformed.
    """
    header = source[:0x60000000]  # overlays and pixels stay behind
    for tag in [tag for tag in header.keys() if tag.is_private]:
        del header[tag]
    header = copy.deepcopy(header)
    drop_control_characters(header)
    for keyword in unusable_keywords(header):
        if keyword in ("PatientID", "PatientName"):
            raise InputRefusedError("E_ATTRIBUTE", f"{keyword} is malformed, so a result cannot say whose it is.")
        del header[keyword]
    for keyword in TYPE_2_KEYWORDS:
        if keyword not in header:
            setattr(header, keyword, None)
    if header.PatientSex not in ("M", "F", "O"):
        header.PatientSex = None
    if "NumberOfFrames" in header:
        del (
            header.NumberOfFrames
        )  # one frame (Analysis checks it); its presence makes highdicom see a multi-frame image
    if not header.get("LossyImageCompression"):
        header.pop("LossyImageCompression", None)
    method = LOSSY_METHODS.get(getattr(source, "file_meta", {}).get("TransferSyntaxUID", ""))
    if method is not None and header.get("LossyImageCompression") != "01":
        header.LossyImageCompression, header.LossyImageCompressionMethod = "01", method
    if not UID(header.get("FrameOfReferenceUID") or "").is_valid:
        header.pop("FrameOfReferenceUID", None)
    if header.SOPClassUID == BreastTomosynthesisImageStorage:  # highdicom would look for frames; `stamp` says it again
        header.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    return header


def unusable_keywords(source: Dataset) -> list[str]:
    """Attributes that no object takes over: malformed ones, and sequences that lack what DICOM requires of them."""
    malformed = malformed_keywords(source)
    return malformed + [keyword for keyword in incomplete_sequences(source) if keyword not in malformed]


def equipment_attributes(analysis: Analysis) -> dict[str, Any]:
    """Arguments that highdicom's constructors share: what made the object."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": __version__,
        "device_serial_number": __version__,
        "contributing_equipment": [contributing_equipment(analysis)],
    }


def contributing_equipment(analysis: Analysis) -> hd.ContributingEquipment:
    """Item of Contributing Equipment Sequence about the algorithm, or about mammoseg where a person drew."""
    algorithm = analysis.algorithm
    return hd.ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name=MANUFACTURER if algorithm is None else algorithm.name,
        software_versions=__version__ if algorithm is None else algorithm.version,
        contribution_datetime=analysis.when,
        contribution_description="Segmentation of masses; research only, not for diagnosis",
    )


def series_attributes(analysis: Analysis, instance_uid: str, *, first_number: int, content: str) -> dict[str, Any]:
    """Arguments that highdicom's constructors share: the object and the series that it has to itself.

    Objects of one study share no series: each is made from one image alone, so that none could be given a number that
    the others leave free. The description names side and view; the number puts the series in `HANGING_ORDER`, and
    views that were taken twice in the order of their own numbers.

    Args:
        first_number: Series Numbers from here to 9,999 more are those of this kind of object.
        content: what the object holds, in a few words.
    """
    source = analysis.source
    which = [name for name in (laterality(source), view(source)) if name]
    place = 1 + HANGING_ORDER.index(" ".join(which)) if " ".join(which) in HANGING_ORDER else 0
    series, image = (int((numbers(source, keyword) or [0])[0]) for keyword in ("SeriesNumber", "InstanceNumber"))
    author = "drawn" if analysis.algorithm is None else "AI, unverified, not for diagnosis"
    return {
        "series_instance_uid": derive_uid(instance_uid, "series"),
        "series_number": first_number + 100 * place + (10 * series + image) % 100,
        "series_description": f"{' '.join([content, *which])} ({author})",
        "sop_instance_uid": instance_uid,
        "instance_number": 1,
    }


def algorithm_identification(algorithm: Algorithm | Assistance) -> hd.AlgorithmIdentificationSequence:
    """Which model, which weights, which threshold, PS3.3 10.16."""
    is_learned = isinstance(algorithm, Algorithm) or algorithm.is_learned
    return hd.AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.ARTIFICIAL_INTELLIGENCE if is_learned else codes.NEIGHBORHOOD_ANALYSIS,
        version=algorithm.version,
        source=MANUFACTURER,
        parameters=dict(algorithm.parameters) or None,
    )


def patient_orientation(source: Dataset) -> list[str] | None:
    """The source's, else that of the usual display of its side and view, else empty (the attribute is Type 2C)."""
    stated = source.get("PatientOrientation") or []
    if len(stated) == 2 and all(_is_direction(value) for value in stated):
        return list(stated)
    return STANDARD_ORIENTATION.get((laterality(source) or "", view(source) or ""))


def stamp(dataset: Dataset, analysis: Analysis) -> None:
    """Replace what highdicom takes from the clock, so that the same analysis gives the same bytes.

    References get the SOP class of the source, where `source_header` had to give another.
    """
    when, source = analysis.when, analysis.source
    for reference in dataset.iterall():
        if reference.tag == REFERENCED_CLASS and reference.value == DigitalMammographyXRayImageStorageForPresentation:
            reference.value = source.SOPClassUID
    dataset.TimezoneOffsetFromUTC = when.strftime("%z")[:5]
    dataset.InstanceCreationDate = DA(when.date())
    dataset.InstanceCreationTime = TM(when.time())
    dataset.ContributingEquipmentSequence[-1].ContributionDateTime = DT(when)  # highdicom's item about itself


def _check_source(source: Dataset) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        if not UID(str(source.get(keyword) or "")).is_valid:
            raise InputRefusedError(
                "E_DICOM_UID", f"{keyword} is missing or not a valid UID, so nothing can refer to it."
            )
    if int(source.get("NumberOfFrames") or 1) > 1:
        raise InputRefusedError(
            "E_MULTIFRAME", f"{count_of(int(source.NumberOfFrames), 'frame')}; a single-frame mammogram is needed."
        )


def _check_lesions(lesions: Sequence[np.ndarray], shape: tuple[int, int]) -> None:
    for number, lesion in enumerate(lesions, start=1):
        if lesion.dtype != bool:
            raise TypeError(f"lesion {number} is {lesion.dtype}, must be bool; compare it with a threshold first.")
        _check_shape(f"lesion {number}", lesion, shape)
        if not lesion.any():
            raise ValueError(f"lesion {number} has no pixel; leave it out, an empty list means that nothing was found.")


def _check_probability(probability: np.ndarray, shape: tuple[int, int]) -> None:
    _check_shape("probability", probability, shape)
    if not (probability.min() >= 0 and probability.max() <= 1):  # neither holds for NaN
        raise ValueError("probability has a value that is not a number from 0 to 1; a network's logits need a sigmoid.")


def _check_shape(name: str, pixels: np.ndarray, shape: tuple[int, int]) -> None:
    if pixels.shape != shape:
        raise ValueError(
            f"{name} is {pixels.shape}, the source is {shape} (Rows, Columns); send it to the stored grid."
        )


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
