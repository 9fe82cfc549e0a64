"""What `predict` writes for each mammogram, as the command line says it, and what holds for all files of a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.seg import SegKind, SegProfile
from mammoseg.errors import WrongCallError

Choice = TypeVar("Choice", bound=Enum)


class ObjectKind(str, Enum):
    """DICOM objects that one mammogram can get."""

    SEGMENTATION = "seg"
    REPORT = "sr"
    CAD_REPORT = "cad_sr"
    SECONDARY_CAPTURE = "sc"
    PRESENTATION_STATE = "gsps"


@dataclass(frozen=True)
class Options:
    """Settings of one run that decide what its files hold.

    Attributes:
        objects: DICOM objects to write.
        kind: what the pixels of the segmentation hold.
        profile: how much geometry the segmentation states.
        deflated: write it compressed, see `mammoseg.dicom.seg.build_segmentation`.
        empty_seg: write a segmentation also where nothing was found; the report says it in any case.
        threshold: probability from which a pixel is mass, above 0 and below 1; None takes the bundle's.
        min_area_mm2: smallest lesion in the breast; needs an honest pixel spacing.
        min_area_pixels: smallest lesion in pixels; with neither, `lesions.SMALLEST_AREA` of the image.

    Raises:
        WrongCallError: a value is out of range, both areas are given, or nothing would say that nothing was found.
    """

    objects: tuple[ObjectKind, ...] = (ObjectKind.SEGMENTATION, ObjectKind.REPORT)
    kind: SegKind = SegKind.BINARY
    profile: SegProfile = SegProfile.VIEWER
    deflated: bool = False
    empty_seg: bool = True
    threshold: float | None = None
    min_area_mm2: float | None = None
    min_area_pixels: float | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "min_area_mm2", "min_area_pixels"):
            if not isinstance(getattr(self, name), float | int | None):
                raise WrongCallError(f"{name} is '{getattr(self, name)}'; give a number.")
        if not self.empty_seg and ObjectKind.REPORT not in self.objects:
            raise WrongCallError("no_empty_seg needs the report, which then says that nothing was found; add sr.")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise WrongCallError(f"threshold is {self.threshold}; give a probability above 0 and below 1.")
        if self.min_area_mm2 is not None and self.min_area_pixels is not None:
            raise WrongCallError("min_area_mm2 and min_area_pixels are both given; give one of them.")
        for name in ("min_area_mm2", "min_area_pixels"):
            area = getattr(self, name)
            if area is not None and not 0 <= area < math.inf:
                raise WrongCallError(f"{name} is {area}; give a finite area of 0 or more.")


@dataclass(frozen=True)
class Run:
    """What holds for all files of a run.

    Attributes:
        algorithm: the algorithm, as the results name it.
        when: time that the results give as theirs.
        output: folder of the results.
        options: options that decide what they hold.
        claims: folder that says which image has which SOP Instance UID, for all folders of results together; None for
            one beside the records of `output`.
    """

    algorithm: Algorithm
    when: datetime
    output: Path
    options: Options
    claims: Path | None = None


def parse_objects(names: str | Sequence[str]) -> tuple[ObjectKind, ...]:
    """Kinds named by a comma-separated text or a sequence, each once.

    Raises:
        WrongCallError: an unknown name, or none.
    """
    words = names.split(",") if isinstance(names, str) else list(names)
    kinds = tuple(dict.fromkeys(parse_choice(ObjectKind, word, "objects") for word in words))
    if not kinds:
        raise WrongCallError(f"objects names none; give some of {', '.join(kind.value for kind in ObjectKind)}.")
    return kinds


def parse_choice(choices: type[Choice], word: str, option: str) -> Choice:
    """The member whose value is `word`, without regard to case.

    Raises:
        WrongCallError: there is none.
    """
    for choice in choices:
        if str(choice.value).lower() == str(word).strip().lower():
            return choice
    known = ", ".join(str(choice.value).lower() for choice in choices)
    raise WrongCallError(f"{option} is '{word}'; give one of {known}.")
