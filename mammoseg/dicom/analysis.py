"""One mammogram and what was found in it: what every DICOM object about it is made from."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from functools import cached_property

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from mammoseg import __version__
from mammoseg.counts import format_count
from mammoseg.dicom.algorithm import Algorithm, Assistance
from mammoseg.dicom.source_header import build_source_header
from mammoseg.errors import InputRefusedError
from mammoseg.overlay import name_lesion


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
        object.__setattr__(self, "when", _convert_to_time_zone(self.source, self.when))

    @property
    def shape(self) -> tuple[int, int]:
        """``(Rows, Columns)`` of the source."""
        return int(self.source.Rows), int(self.source.Columns)

    @cached_property
    def header(self) -> Dataset:
        """What every object takes over, see `build_source_header`; one for all of them, so none may change it.

        Raises:
            InputRefusedError: see there.
        """
        return build_source_header(self.source)

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

    def derive_instance_uid(self, kind: str, content: bytes) -> str:
        """SOP Instance UID that follows from the source, the author, the kind of object and all that decides its bytes.

        Args:
            content: whatever of the object is not decided by source, author and kind, such as its pixels.
        """
        digest = hashlib.sha256(content).hexdigest()
        versions = (__version__, hd.__version__)  # both decide the bytes
        return derive_uid(str(self.source.SOPInstanceUID), *self.author, kind, *versions, digest, "instance")

    def derive_tracking_uid(self, lesion: np.ndarray) -> str:
        """Tracking UID of a lesion: the same in every object that speaks of it."""
        digest = hashlib.sha256(np.packbits(lesion).tobytes()).hexdigest()
        return derive_uid(str(self.source.SOPInstanceUID), *self.drawer, "lesion", digest)

    def score(self, lesion: np.ndarray) -> float | None:
        """Score of a lesion; None where a person drew, or nothing is known of probabilities."""
        if self.algorithm is None or self.probability is None:
            return None
        return self.algorithm.score(self.probability, lesion)

    def name_lesions(self) -> list[tuple[str, np.ndarray]]:
        """Each lesion after its name, which is its Tracking Identifier, Segment Label and label in pictures."""
        return [(name_lesion(number), lesion) for number, lesion in enumerate(self.lesions, start=1)]


def derive_uid(*parts: str) -> str:
    """UID that follows from `parts` and nothing else; PS3.5 B.2."""
    return generate_uid(entropy_srcs=["mammoseg", "\n".join(parts)])


def _check_source(source: Dataset) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        if not UID(str(source.get(keyword) or "")).is_valid:
            raise InputRefusedError(
                "E_DICOM_UID", f"{keyword} is missing or not a valid UID, so nothing can refer to it."
            )
    if int(source.get("NumberOfFrames") or 1) > 1:
        raise InputRefusedError(
            "E_MULTIFRAME", f"{format_count(int(source.NumberOfFrames), 'frame')}; a single-frame mammogram is needed."
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


def _convert_to_time_zone(source: Dataset, when: datetime) -> datetime:
    """`when` in the zone that the source states: one offset holds for all times of an object (PS3.3 C.12.1.1.8)."""
    try:
        zone = datetime.strptime(str(source.get("TimezoneOffsetFromUTC", "")), "%z").tzinfo
    except ValueError:
        zone = when.tzinfo
    if zone is None:
        raise ValueError(f"{when} has no time zone and the source states none; pass datetime.now(timezone.utc).")
    return when.replace(tzinfo=zone) if when.tzinfo is None else when.astimezone(zone)
