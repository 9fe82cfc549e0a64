"""The mammograms of CBIS-DDSM with their masks, from files of which it is known to whom they belong.

Folders say of some files what they are not, in every copy, and crop and full-size mask share names in either order. So
`PatientID` alone says which image or abnormality a file belongs to, and pixels say whether a
file of an abnormality is its mask (two grey values, the aspect of the mammogram) or its crop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.cbis_ddsm_tables import Abnormality, describe_image
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import COPIES, IngestJob, IngestReport
from mammoseg.data.mask_files import check_area, fit_to_grid, has_same_aspect, write_mask
from mammoseg.errors import InputRefusedError

Files = dict[str, list[Path]]
"""Files by their PatientID, which is the name of a case or of an abnormality."""


@dataclass(frozen=True)
class Copy:
    """How one copy of the collection keeps its files.

    Attributes:
        files: all of them.
        shape_of: rows and columns of a mammogram, which is decoded for it; raises `InputRefusedError`.
        mask_of: the mask uint8 0 / 1 ``(rows, columns)`` in a file of an abnormality, None for a crop; raises
            `InputRefusedError`.
    """

    files: Files
    shape_of: Callable[[Path], tuple[int, int]]
    mask_of: Callable[[Path], np.ndarray | None]


@dataclass(frozen=True)
class View:
    """One mammogram with its abnormalities.

    Attributes:
        case: the mammogram that stands for the view.
        abnormalities: abnormalities of that case.
        official: sections that all tables together give this view.
        others: cases that show the same view again.
    """

    case: str
    abnormalities: tuple[Abnormality, ...]
    official: frozenset[str]
    others: tuple[str, ...]


def build_records(
    job: IngestJob, copy: Copy, abnormalities: Sequence[Abnormality], *, known: Sequence[Abnormality]
) -> list[Record]:
    """Records of the views whose mammogram and masks are all there; masks are written to ``masks/`` of the output.

    Args:
        abnormalities: rows of the tables that are wanted.
        known: all rows; a file of one that is not wanted is counted as such.
    """
    records = []
    for view in tqdm(group_views(abnormalities), desc="cbis_ddsm", unit="image", disable=None):
        for case in view.others:
            job.report.note("calcification images whose view is there as a mass image", case)
        try:
            records.append(_build_record(job, view, copy))
        except InputRefusedError as error:
            job.report.refuse(error, view.case)
    _count_unwanted(copy.files, abnormalities, known, job.report)
    return records


def group_views(abnormalities: Sequence[Abnormality]) -> list[View]:
    """One `View` for each patient, side and projection; where it shows masses, its mass case stands for it."""
    groups: dict[tuple[str, str, str], list[Abnormality]] = {}
    for abnormality in abnormalities:
        groups.setdefault((abnormality.patient_id, abnormality.laterality, abnormality.view), []).append(abnormality)
    return [_build_view(groups[key]) for key in sorted(groups)]


def _build_view(abnormalities: Sequence[Abnormality]) -> View:
    by_case: dict[str, list[Abnormality]] = {}
    for abnormality in abnormalities:
        by_case.setdefault(abnormality.case, []).append(abnormality)
    case = min(by_case, key=lambda case: (by_case[case][0].kind != "mass", case))
    return View(
        case=case,
        abnormalities=tuple(by_case[case]),
        official=frozenset(abnormality.section for abnormality in abnormalities),
        others=tuple(sorted(by_case.keys() - {case})),
    )


def _build_record(job: IngestJob, view: View, copy: Copy) -> Record:
    if view.case not in copy.files:
        raise InputRefusedError("E_IMAGE_MISSING", "its full mammogram is not below the input.")
    image, *others = copy.files[view.case]
    for other in others:
        job.report.note(COPIES, other)
    shape = copy.shape_of(image)
    owners = [abnormality.folder for abnormality in view.abnormalities if abnormality.kind == "mass"]
    stored = {owner: _read_masks(copy, owner, job.report) for owner in owners}
    masks = {owner: _fit_mask(found, shape, owner, job.report) for owner, found in stored.items()}
    fused = np.any([mask > 0 for mask in masks.values()], axis=0) if masks else np.zeros(shape, bool)
    label = write_mask(job.made / "masks" / f"{view.case}.png", fused)
    if len(masks) > 1:
        instances = [write_mask(job.made / "masks" / f"{name}.png", mask) for name, mask in masks.items()]
    else:
        instances = [label] * len(masks)
    first = view.abnormalities[0]
    return {
        "image_id": view.case,
        "image": image,
        "label": label,
        "instances": instances,
        "patient_id": first.patient_id,
        "laterality": first.laterality,
        "view": first.view,
        "has_mass": bool(fused.any()),
        "official": view.official,
        **describe_image(view.abnormalities),
    }


def _read_masks(copy: Copy, owner: str, report: IngestReport) -> list[np.ndarray]:
    """The full-size masks 0/1, as stored, among the files of an abnormality."""
    masks = []
    for path in copy.files.get(owner, []):
        try:
            mask = copy.mask_of(path)
        except InputRefusedError as error:
            report.refuse(error, path)
            continue
        if mask is None:
            report.note("crops left aside", path)
        else:
            masks.append(mask)
    return masks


def _fit_mask(masks: Sequence[np.ndarray], shape: tuple[int, int], owner: str, report: IngestReport) -> np.ndarray:
    """The mask of an abnormality, 0/1 on the grid of its image.

    One of exactly its size goes before one of its aspect, and of these the largest, since a crop is smaller. Several of
    that size are fused.

    Raises:
        InputRefusedError: ``E_MASK_MISSING`` when there is none, ``E_MASK_ASPECT`` when it does not fit the image,
            ``E_MASK_AREA`` when it covers most of it.
    """
    if not masks:
        raise InputRefusedError("E_MASK_MISSING", "no file of one of its abnormalities is a full-size mask.")
    best = max(masks, key=lambda mask: (mask.shape == shape, has_same_aspect(mask.shape, shape), mask.size))
    fitting = [mask for mask in masks if mask.shape == best.shape]
    fused = np.any(fitting, axis=0).astype(np.uint8)
    mask = fit_to_grid(fused, shape, note=lambda remark: report.note(remark, owner))
    check_area(mask)
    if len(fitting) > 1:
        report.note("abnormalities with several full-size masks, fused", owner)
    if len(fitting) < len(masks):
        report.note("abnormalities with masks of other sizes, left aside", owner)
    return mask


def _count_unwanted(
    files: Files, abnormalities: Sequence[Abnormality], known: Sequence[Abnormality], report: IngestReport
) -> None:
    wanted, named = ({name for row in rows for name in (row.case, row.folder)} for rows in (abnormalities, known))
    for owner in sorted(files.keys() - wanted):
        reason = "calcification files, see --calcifications" if owner in named else "files without a row in the tables"
        for path in files[owner]:
            report.skip(reason, path)
