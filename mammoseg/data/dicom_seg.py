"""Mammograms with DICOM segmentations of their masses, by any program; docs/datasets/dicom_seg.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammoseg.data.datalist import Record
from mammoseg.data.duplicates import SeenInstances
from mammoseg.data.find_images import begins_as_dicom
from mammoseg.data.folder import make_image_id
from mammoseg.data.ingest_job import COPIES, NOT_DICOM, WITHOUT_CODE, IngestJob
from mammoseg.data.mammogram import describe_mammogram, read_mammogram
from mammoseg.data.mask_files import check_area, check_count, fit_to_grid, write_masses
from mammoseg.dicom.mask import (
    SEGMENTATION_CLASSES,
    find_referenced_instances,
    list_mass_segments,
    make_no_mass_error,
    segmentation_refused,
)
from mammoseg.dicom.read import load_dicom_mask, read_header, read_segments
from mammoseg.dicom.values import read_text
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable
from mammoseg.folders import leads_out, list_files_below


@dataclass(frozen=True)
class DicomFile:
    """One file of the input.

    Attributes:
        path: file of an image or a SEG.
        name: its path in the input.
        patient: PatientID of an image.
        segments: numbers of the segments of mass of a SEG; None where it describes none of its segments.
    """

    path: Path
    name: Path
    patient: str = ""
    segments: tuple[int, ...] | None = None


@dataclass
class FoundFiles:
    """What the headers say: images by SOP Instance UID, segmentations by that of the image they refer to."""

    seen: SeenInstances = field(default_factory=SeenInstances)
    images: dict[str, DicomFile] = field(default_factory=dict)
    segmentations: dict[str, list[DicomFile]] = field(default_factory=dict)


def collect(job: IngestJob) -> list[Record]:
    """Records of the mammograms to which a segmentation refers; each segment of a mass is an instance.

    Raises:
        WrongCallError: an input is no folder, or no image with a segmentation names its patient.
    """
    found = _find_files(job)
    for uid in sorted(found.segmentations.keys() - found.images.keys()):
        for segmentation in found.segmentations[uid]:
            job.report.skip("segmentations of images that are not below the input", segmentation.name)
    records = []
    for uid, image in tqdm(found.images.items(), desc="dicom_seg", unit="image", disable=None):
        if uid not in found.segmentations:
            job.report.skip("images without a segmentation", image.name)
        elif not image.patient:
            job.report.skip(WITHOUT_CODE, image.name)
        else:
            try:
                records.append(_build_record(job, image, found.segmentations[uid]))
            except InputRefusedError as error:
                job.report.refuse(error, image.name)
    if not records and WITHOUT_CODE in job.report.skipped:
        raise WrongCallError(
            "no image has a Patient ID, so a split could put one patient into training and test; "
            "give each patient an ID of its own."
        )
    return records


def _find_files(job: IngestJob) -> FoundFiles:
    found = FoundFiles()
    paths = [(folder, path) for folder in job.require_folders() for path in list_files_below(folder)]
    for folder, path in tqdm(paths, desc="headers", unit="file", disable=None):
        name = path.relative_to(folder)
        if leads_out(path, folder) or not _is_dicom(path):
            job.report.skip(NOT_DICOM, name)
            continue
        try:
            _add_file(path, name, found, job)
        except InputRefusedError as error:
            job.report.refuse(error, name)
    return found


def _is_dicom(path: Path) -> bool:
    try:
        return begins_as_dicom(path)
    except OSError:  # it may not be read
        return False


def _add_file(path: Path, name: Path, found: FoundFiles, job: IngestJob) -> None:
    header = read_header(path)
    if read_text(header, "SOPClassUID") in SEGMENTATION_CLASSES:
        with segmentation_refused():
            segmentation = DicomFile(path, name, segments=list_mass_segments(header, by_label=True))
            referenced = find_referenced_instances(header)
        if not referenced:
            raise InputRefusedError("E_SEG_IMAGE", "the segmentation refers to no image.")
        for uid in referenced:
            found.segmentations.setdefault(uid, []).append(segmentation)
        return
    uid = read_text(header, "SOPInstanceUID")
    if not found.seen.admit(uid, path):
        job.report.skip(COPIES, name)
        return
    found.images[uid] = DicomFile(path, name, patient=read_text(header, "PatientID").strip())


def _build_record(job: IngestJob, image: DicomFile, segmentations: Sequence[DicomFile]) -> Record:
    mammogram = read_mammogram(image.path)
    rows, columns = mammogram.pixels.shape
    masses: list[np.ndarray] = []
    for segmentation in segmentations:
        try:
            masses += _read_masses(segmentation, mammogram.sop_instance_uid)
        except InputRefusedError as error:
            reason = f"its segmentation {as_printable(segmentation.name)}: {error.reason}"
            raise InputRefusedError(error.code, reason) from error
    on_grid = []
    for mask in masses:
        mask = fit_to_grid(mask, (rows, columns), note=lambda remark: job.report.note(remark, image.name))
        check_area(mask)
        on_grid.append(mask)
    image_id = make_image_id(job, image.name)
    return {
        "image_id": image_id,
        "image": image.path,
        "patient_id": job.conceal(image.patient),
        **write_masses(job.made / "masks", image_id, on_grid, shape=(rows, columns)),
        **describe_mammogram(mammogram),
    }


def _read_masses(segmentation: DicomFile, uid: str | None) -> list[np.ndarray]:
    """The segments of mass; of a SEG that describes none of its segments, all pixels are one."""
    if segmentation.segments is None:
        return [load_dicom_mask(segmentation.path, image_uid=uid)[0]]
    if not segmentation.segments:
        raise make_no_mass_error(by_label=True)
    check_count(len(segmentation.segments))
    return read_segments(segmentation.path, segmentation.segments, image_uid=uid)
