"""The DICOM tree of CBIS-DDSM as TCIA gives it, in whatever folders.

Folders and file names changed between TCIA's releases, and crop and full-size mask share names in either order. So
nothing is taken from them: ``PatientID`` says which image or abnormality a file belongs to, and size and pixels say
whether a file of an abnormality is its mask (two grey values, the aspect of the mammogram) or its crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.cbis_ddsm_tables import Abnormality, describe
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob, IngestReport
from mammoseg.data.mask_files import RESAMPLED, check_area, fit_to_grid, same_aspect, write_mask
from mammoseg.dicom.read import read_patient_id, read_stored
from mammoseg.errors import InputRefusedError
from mammoseg.files import files_below, is_file

Files = dict[str, list[Path]]


@dataclass(frozen=True)
class View:
    """One mammogram with its abnormalities.

    Args:
        case: the mammogram that stands for the view.
        abnormalities: abnormalities of that case.
        official: sections that all tables together give this view.
        others: cases that show the same view again.
    """

    case: str
    abnormalities: tuple[Abnormality, ...]
    official: frozenset[str]
    others: tuple[str, ...]


def collect(
    job: IngestJob, folders: Sequence[Path], abnormalities: Sequence[Abnormality], *, known: Sequence[Abnormality]
) -> list[Record]:
    """Records of the views whose mammogram and masks are all there; masks are written to ``masks/`` of the output.

    Args:
        abnormalities: rows of the tables that are wanted.
        known: all rows; a file of one that is not wanted is counted as such.
    """
    files = _files_by_owner(folders, job.report)
    records = []
    for view in tqdm(group_views(abnormalities), desc="cbis_ddsm", unit="image", disable=None):
        for case in view.others:
            job.report.note("calcification images whose view is there as a mass image", case)
        try:
            records.append(_record(job, view, files))
        except InputRefusedError as error:
            job.report.refuse(error, view.case)
    _count_unwanted(files, abnormalities, known, job.report)
    return records


def group_views(abnormalities: Sequence[Abnormality]) -> list[View]:
    """One `View` for each patient, side and projection; where it shows masses, its mass case stands for it."""
    groups: dict[tuple[str, str, str], list[Abnormality]] = {}
    for abnormality in abnormalities:
        groups.setdefault((abnormality.patient_id, abnormality.laterality, abnormality.view), []).append(abnormality)
    return [_view(groups[key]) for key in sorted(groups)]


def is_mask(pixels: np.ndarray) -> bool:
    """Whether an image has exactly two grey values, as no crop of a film has.

    Args:
        pixels: ``(rows, columns)``, any unit.
    """
    low, high = pixels.min(), pixels.max()
    return bool(low < high and ((pixels == low) | (pixels == high)).all())


def _view(abnormalities: Sequence[Abnormality]) -> View:
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


def _files_by_owner(folders: Sequence[Path], report: IngestReport) -> Files:
    """Files by their PatientID, which is the name of a case or of an abnormality."""
    files: Files = {}
    for folder in folders:
        paths = sorted(path for path in files_below(folder) if path.suffix != ".csv")
        for path in tqdm(paths, desc="headers", unit="file", disable=None):
            if not is_file(path):
                report.skip("no files that can be read", path.relative_to(folder))
                continue
            try:
                files.setdefault(read_patient_id(path), []).append(path)
            except InputRefusedError:
                report.skip("files that are not DICOM", path.relative_to(folder))
    return files


def _record(job: IngestJob, view: View, files: Files) -> Record:
    if view.case not in files:
        raise InputRefusedError("E_IMAGE_MISSING", "its full mammogram is not below the input.")
    image, *copies = files[view.case]
    for copy in copies:
        job.report.note("further copies of a mammogram", copy)
    rows, columns = shape = read_stored(image, modalities=("MG",)).shape
    owners = [abnormality.folder for abnormality in view.abnormalities if abnormality.kind == "mass"]
    stored = {owner: _read_masks(files.get(owner, []), job.report) for owner in owners}
    masks = {owner: _fit_mask(found, (rows, columns), owner, job.report) for owner, found in stored.items()}
    fused = np.any([mask > 0 for mask in masks.values()], axis=0) if masks else np.zeros(shape, bool)
    label = write_mask(job.output / "masks" / f"{view.case}.png", fused)
    if len(masks) > 1:
        instances = [write_mask(job.output / "masks" / f"{name}.png", mask) for name, mask in masks.items()]
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
        **describe(view.abnormalities),
    }


def _read_masks(paths: Sequence[Path], report: IngestReport) -> list[np.ndarray]:
    """The full-size masks, as stored, among the files of an abnormality."""
    masks = []
    for path in paths:
        try:
            pixels = read_stored(path)
        except InputRefusedError as error:
            report.refuse(error, path)
            continue
        if is_mask(pixels):
            masks.append(pixels)
        else:
            report.note("crops left aside", path)
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
    best = max(masks, key=lambda mask: (mask.shape == shape, same_aspect(mask.shape, shape), mask.size))
    fitting = [mask for mask in masks if mask.shape == best.shape]
    mask = fit_to_grid(np.any([pixels == pixels.max() for pixels in fitting], axis=0).astype(np.uint8), shape)
    check_area(mask)
    if best.shape != shape:
        report.note(RESAMPLED, owner)
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
