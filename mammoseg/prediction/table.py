"""One row a file: what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path

from mammoseg.csv_table import write_csv


class Status(str, Enum):
    """What became of a file; that nothing was found is a result of its own, not a missing one."""

    FOUND = "mass found"
    NOTHING = "no mass found"
    REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """Outcome for one input file; what does not apply is None.

    Attributes:
        file: the path as it was typed, or below the folder that was typed.
        code: code of the refusal, ``E_...``.
        reason: reason of the refusal, in words.
        lesions: number of separate masses.
        masses: name of each, as in its DICOM objects and in the picture, with its area in the breast, else in pixels.
        scores: score of each, after its name, 0 to 1.
        score_kind: what these are: "uncalibrated", the highest probability, or "calibrated on" which data.
        area_mm2: area in square millimetres of all masses together, in the breast; None where the file gives no honest
            pixel spacing.
        left_out: how many regions reach the threshold and are too small, and by which rule.
        max_probability: highest mass probability of any pixel, 0 to 1, as the network gives it: no score, and that of
            a region that is left out may be the highest.
        segmentation: name of the file with the mask, beside the table; so are those that follow.
        report: DICOM SR with the measurements, or that nothing was found.
        cad_report: Mammography CAD SR.
        secondary_capture: picture as DICOM.
        presentation_state: outlines for a viewer.
        overlay: picture as PNG.
        seconds: time spent on the file.
        notes: what to know of a file that was segmented.
        weights_file: name of the file of the weights that segmented it.
        weights_sha256: SHA-256 of that file.
        trained_on: source of the data that these weights were trained on.
        engine: name and version of what computed the network.
        precision: what it computed with, such as ``f32``.
        boxes: where a person said that masses are, so that nothing else was looked at: top, left, bottom and right of
            each in pixels of the image, the last two exclusive.
        source_sha256: SHA-256 of the bytes of the file.
    """

    file: str
    status: Status
    code: str | None = None
    reason: str | None = None
    lesions: int | None = None
    masses: str | None = None
    scores: str | None = None
    score_kind: str | None = None
    area_mm2: float | None = None
    left_out: str | None = None
    max_probability: float | None = None
    segmentation: str | None = None
    report: str | None = None
    cad_report: str | None = None
    secondary_capture: str | None = None
    presentation_state: str | None = None
    overlay: str | None = None
    seconds: float | None = None
    notes: str | None = None
    weights_file: str | None = None
    weights_sha256: str | None = None
    trained_on: str | None = None
    engine: str | None = None
    precision: str | None = None
    boxes: str | None = None
    source_sha256: str | None = None

    @property
    def results(self) -> list[str]:
        """Names of the files with the result itself, without the overlay that only shows it."""
        return [file for field in RESULT_FIELDS if (file := getattr(self, field))]

    @property
    def is_of_picture(self) -> bool:
        """Whether the file is no DICOM, so that a mask stands for its objects."""
        return (self.segmentation or "").endswith(".png")


RESULT_FIELDS = ("segmentation", "report", "cad_report", "secondary_capture", "presentation_state")


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write `rows` as CSV, whole or not at all."""
    columns = [field.name for field in fields(Row)]
    write_csv(path, ({name: _format_cell(getattr(row, name)) for name in columns} for row in rows), columns=columns)


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Status):
        return value.value
    if isinstance(value, float):
        return f"{value:.4g}" if value < 1000 else f"{value:.0f}"
    return str(value)
