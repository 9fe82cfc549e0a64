"""The results of one mammogram as files that belong to their source."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import Dataset

from mammoseg.data.mammogram import read_source_file
from mammoseg.data.records import FOLDER
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.read import load_header
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.source_header import find_unusable_keywords
from mammoseg.dicom.sr import build_report
from mammoseg.dicom.write import header_refused, write_object
from mammoseg.errors import InputRefusedError
from mammoseg.files import hash_file
from mammoseg.folders import is_plain_file
from mammoseg.mammogram import Mammogram
from mammoseg.overlay import encode_picture, write_picture
from mammoseg.prediction.instances import INSTANCES, claim_instance
from mammoseg.prediction.options import ObjectKind, Options

SUFFIXES = {
    ObjectKind.SEGMENTATION: ".seg.dcm",
    ObjectKind.REPORT: ".sr.dcm",
    ObjectKind.CAD_REPORT: ".cad.dcm",
    ObjectKind.SECONDARY_CAPTURE: ".sc.dcm",
    ObjectKind.PRESENTATION_STATE: ".gsps.dcm",
}
"""What follows the name of the source in the name of each object's file."""


@dataclass(frozen=True)
class Written:
    """Names of the files of each kind, where a PNG stands for the segmentation; digest of the source; remarks."""

    files: dict[ObjectKind, str]
    source_sha256: str
    notes: list[str] = field(default_factory=list)


def write_results(
    source: Path,
    name: str,
    probability: np.ndarray,
    lesions: Sequence[np.ndarray],
    *,
    output: Path,
    algorithm: Algorithm,
    when: datetime,
    options: Options,
    mammogram: Mammogram,
    claims: Path | None = None,
    earlier: Mapping[str, str] | None = None,
) -> Written:
    """Write DICOM objects for a DICOM source, a PNG otherwise, since they must refer to a DICOM instance.

    Args:
        name: stem of the files to write in `output`.
        probability: mass probability ``(rows, columns)`` on the grid of the source, 0 to 1.
        lesions: bool masks of the same shape, one a lesion; may be empty.
        mammogram: mammogram that was read from `source`.
        claims: folder of the claims on UIDs, see `mammoseg.prediction.options.Run`; None for one in `output`.

        earlier: SHA-256 of each file that an earlier call wrote under `name`; where a mask is there that is another, as
            when a person has drawn in it, it stays. None writes over any.

    Raises:
        InputRefusedError: the header of the source breaks rules that its objects must keep, or other content is there.
        OSError: a file cannot be written.
    """
    file = mammogram.source or read_source_file(source)
    if file.format != "DICOM":
        fractional = options.kind is SegKind.FRACTIONAL
        mask = _write_mask(output, name, probability, None if fractional else lesions, earlier)
        return Written({ObjectKind.SEGMENTATION: mask}, file.sha256)
    with header_refused():
        analysis = Analysis(load_header(mammogram), lesions, algorithm, when, probability)
        objects, notes = _build(analysis, mammogram, options)
    claim_instance(claims or output / FOLDER / INSTANCES, str(analysis.source.SOPInstanceUID), source, file.sha256)
    for kind, dataset in objects.items():
        write_object(dataset, output / f"{name}{SUFFIXES[kind]}")
    return Written({kind: f"{name}{SUFFIXES[kind]}" for kind in objects}, file.sha256, notes)


def _build(analysis: Analysis, mammogram: Mammogram, options: Options) -> tuple[dict[ObjectKind, Dataset], list[str]]:
    """All objects before the first is written, so that a header which one of them cannot take leaves no file."""
    wants_segmentation = ObjectKind.SEGMENTATION in options.objects and (analysis.lesions or options.empty_seg)
    segmentation = (
        build_segmentation(analysis, kind=options.kind, profile=options.profile, deflated=options.deflated)
        if wants_segmentation
        else None
    )
    builders: dict[ObjectKind, Callable[[], Dataset | None]] = {
        ObjectKind.SEGMENTATION: lambda: segmentation,
        ObjectKind.REPORT: lambda: build_report(analysis, segmentation),
        ObjectKind.CAD_REPORT: lambda: build_cad_report(analysis),
        ObjectKind.SECONDARY_CAPTURE: lambda: build_secondary_capture(analysis, mammogram),
        ObjectKind.PRESENTATION_STATE: lambda: build_presentation_state(analysis),
    }
    left_out = find_unusable_keywords(analysis.source)
    notes = [f"malformed and left out of the results: {', '.join(left_out)}"] if left_out else []
    objects = {}
    for kind in options.objects:
        try:
            built = builders[kind]()
        except InputRefusedError as error:
            if kind is not ObjectKind.CAD_REPORT or len(options.objects) == 1:
                raise
            notes.append(f"no Mammography CAD SR: {error.reason}")  # it needs side and view, which the others do not
            continue
        if built is not None:
            objects[kind] = built
    return objects, notes


def _write_mask(
    output: Path,
    name: str,
    probability: np.ndarray,
    lesions: Sequence[np.ndarray] | None,
    earlier: Mapping[str, str] | None,
) -> str:
    if lesions is None:
        file, picture = f"{name}.probability.png", np.round(probability * 65535).astype(np.uint16)
    else:
        mask = np.logical_or.reduce(lesions) if lesions else np.zeros(probability.shape, bool)
        file, picture = f"{name}.mask.png", mask.astype(np.uint8) * 255
    if earlier is not None and is_plain_file(output / file):
        if hash_file(output / file) not in (earlier.get(file), hashlib.sha256(encode_picture(picture)).hexdigest()):
            raise InputRefusedError(
                "E_OUTPUT", f"{file} is not as an earlier call wrote it; move it away or name another output folder."
            )
    write_picture(picture, output / file)
    return file
