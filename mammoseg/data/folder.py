"""A folder of mammograms (DICOM, PNG, TIFF, JPEG, PGM, NIfTI) with masks and maybe a CSV; docs/datasets/folder.md."""

import re
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np
from tqdm import tqdm

from mammoseg.counts import format_count
from mammoseg.data.datalist import Record
from mammoseg.data.duplicates import SeenInstances
from mammoseg.data.find_images import SIDECARS
from mammoseg.data.folder_matching import Matches, match
from mammoseg.data.folder_table import read_table
from mammoseg.data.ingest_job import WITHOUT_CODE, IngestJob, IngestReport
from mammoseg.data.mammogram import describe_mammogram, detect_file_format, read_mammogram
from mammoseg.data.mask_files import check_area, fit_to_grid, write_mask
from mammoseg.data.masks import Mask, load_mask
from mammoseg.data.patient_codes import PatientPattern, compile_pattern
from mammoseg.dicom.read import read_header
from mammoseg.dicom.values import read_text
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.files import as_printable
from mammoseg.folders import is_link_to_folder, leads_out, list_files_below
from mammoseg.mammogram import Mammogram
from mammoseg.paths import get_stem

EMPTY = "masks without a pixel of mass"
SAME = "masks that are the same as another of their image, counted once"


def collect(
    job: IngestJob,
    *,
    patient_regex: str | None = None,
    masks: str | None = None,
    mask_regex: str | None = None,
    table: str | None = None,
    large_masks: bool = False,
) -> list[Record]:
    """Records of the images that have a mask, or of which the table says that they have no mass.

    Args:
        patient_regex: pattern whose one group is the patient's code in the path relative to the folder.
        masks: folder of the masks, where they do not lie among the images.
        mask_regex: pattern whose one group is the name of the image, without ending, in the path of a mask.
        table: CSV with a column ``image`` and facts.
        large_masks: let masks in that cover more than half of their image.
    Raises:
        WrongCallError: not exactly one input folder, a pattern without one group, a table that cannot be read, or no
            image with a patient code.
    """
    folders = job.require_folders()
    if len(folders) > 1:
        raise WrongCallError(f"{len(folders)} folders given, folder takes one; put them below a common one.")
    pattern = PatientPattern(patient_regex) if patient_regex is not None else None
    mask_names = compile_pattern("--mask-regex", mask_regex, "the image's name") if mask_regex else None
    root = folders[0]
    matches = _match(root, Path(masks) if masks else None, mask_names, job.report)
    facts = read_table(Path(table), root, list(matches.masks), job.report) if table else {}
    seen = SeenInstances()
    records = []
    without_code = []
    for image, mask_files in tqdm(matches.masks.items(), desc="folder", unit="image", disable=None):
        known = dict(facts.get(image, {}))
        try:
            patient = known.pop("patient_id", None) or _find_patient_code(image, image.relative_to(root), pattern)
            if not patient:
                without_code.append(image.relative_to(root))
                continue
            mammogram = read_mammogram(image)
            seen.admit(mammogram.sop_instance_uid, image)
            for note in mammogram.notes:
                job.report.note(note, image.relative_to(root))
            records.append(
                _build_record(job, root, mammogram, mask_files, known, large_masks)
                | {"patient_id": job.conceal(patient)}
            )
        except InputRefusedError as error:
            job.report.refuse(error, image.relative_to(root))
    if without_code and not records:
        raise WrongCallError(
            f"{format_count(len(without_code), 'image')} and no patient code, so a split could put one patient into "
            "training and test; "
            + (f"{pattern.summarise()}; " if pattern else "")
            + "say with --patient-regex '([^_]+)_.*' (one group) where it stands in the file name, or give a --table."
        )
    if pattern and records and not any(record["official"] for record in records):
        pattern.check_enough({record["patient_id"] for record in records}, needed=job.fewest_patients)
    for path in without_code:
        job.report.skip(WITHOUT_CODE, path)
    return records


def make_image_id(job: IngestJob, relative: Path) -> str:
    """Keyed hash of a path in the input; or the path, with an underscore for what a file name may not hold.

    Raises:
        InputRefusedError: ``E_SAME_NAME``, another image has it already.
    """
    name = normalize("NFC", (relative.parent / get_stem(relative)).as_posix())
    image_id = re.sub(r"[^A-Za-z0-9._-]", "_", job.conceal(name))
    if (first := job.image_ids.setdefault(image_id, relative)) is not relative:
        raise InputRefusedError(
            "E_SAME_NAME", f"its name becomes that of {as_printable(first)}; give it one of its own."
        )
    return image_id


def _match(root: Path, mask_root: Path | None, mask_names: re.Pattern[str] | None, report: IngestReport) -> Matches:
    if mask_root is not None and not mask_root.is_dir():
        raise WrongCallError(f"--masks '{mask_root}' is not a folder; name the folder that holds the masks.")
    masks = _find_images(mask_root, report)[0] if mask_root else []
    usable, refused = _find_images(root, report)
    files = [path for path in usable if path not in set(masks)]
    matches = match(root, files, mask_root=mask_root, masks=masks, mask_pattern=mask_names)
    of_refused = _match_masks(refused, root, mask_root, mask_names, matches.masks_without_image)
    for path in matches.masks_without_image:
        report.skip("masks of refused images" if path in of_refused else "masks without an image", path)
    for path in matches.images_of_same_name:
        report.skip("images of the same name as another", path.relative_to(root))
    return matches


def _match_masks(
    images: Sequence[Path],
    root: Path,
    mask_root: Path | None,
    mask_names: re.Pattern[str] | None,
    masks: Sequence[Path],
) -> set[Path]:
    """Those of `masks`, found below `root` or `mask_root`, that belong to one of `images`."""
    apart = [path for path in masks if mask_root and path.is_relative_to(mask_root)]
    among = [path for path in masks if path not in set(apart)]
    matches = match(root, [*images, *among], mask_root=mask_root, masks=apart, mask_pattern=mask_names)
    return {mask for found in matches.masks.values() for mask in found}


def _find_images(folder: Path, report: IngestReport) -> tuple[list[Path], list[Path]]:
    """The images below a folder, and those that are refused by their first bytes."""
    files, refused = [], []
    for path in sorted(list_files_below(folder)):
        if leads_out(path, folder):
            report.skip("links that lead out of the folder", path.relative_to(folder))
            continue
        if is_link_to_folder(path):
            report.skip("links to folders", path.relative_to(folder))
            continue
        try:
            detect_file_format(path)
        except InputRefusedError as error:
            if path.suffix.lower() in SIDECARS or path.name.startswith("."):
                report.skip("files that are not images", path)
            else:
                report.refuse(error, path.relative_to(folder))
                refused.append(path)
        else:
            files.append(path)
    return files, refused


def _find_patient_code(image: Path, relative: Path, pattern: PatientPattern | None) -> str | None:
    if pattern is not None:
        return pattern.find_code(relative)
    if detect_file_format(image) != "DICOM":
        return None
    return read_text(read_header(image), "PatientID").strip() or None


def _build_record(
    job: IngestJob, root: Path, mammogram: Mammogram, mask_files: Sequence[Path], known: Record, large_masks: bool
) -> Record:
    image = mammogram.path
    relative = image.relative_to(root)
    image_id = make_image_id(job, relative)
    has_no_mass = known.pop("has_mass", None) is False or known.get("pathology") == "NORMAL"
    if not mask_files and not has_no_mass:
        raise InputRefusedError(
            "E_NO_MASK", "no mask fits its name (--masks names their folder), and no table says that it has no mass."
        )
    section = known.pop("split", None)
    return {
        "image_id": image_id,
        "image": image,
        **_build_label(job, image_id, mask_files, mammogram, large_masks),
        "official": {section} if section else set(),
        **describe_mammogram(mammogram),
        **known,
        **({"pixel_spacing_source": "table"} if "pixel_spacing_mm" in known else {}),
    }


def _build_label(
    job: IngestJob, image_id: str, mask_files: Sequence[Path], mammogram: Mammogram, large_masks: bool
) -> Record:
    """Label, instances and `has_mass` of an image; files that are its mask stay where they are, others are written."""
    rows, columns = mammogram.pixels.shape
    masks, instances = [np.zeros((rows, columns), np.uint8)], []
    for number, path in enumerate(mask_files, start=1):
        mask = _load_mask(job, path, mammogram)
        if not large_masks:
            check_area(mask.pixels)
        if any(np.array_equal(mask.pixels, other) for other in masks[1:]):
            job.report.note(SAME, path)
            continue
        if not mask.pixels.any():
            job.report.note(EMPTY, path)
        if mask.remarks:
            path = write_mask(job.made / "masks" / f"{image_id}_{number}.png", mask.pixels)
        masks.append(mask.pixels)
        instances.append(path)
    fused = np.any(masks, axis=0)
    label = instances[0] if len(instances) == 1 else write_mask(job.made / "masks" / f"{image_id}.png", fused)
    several = {"instances": instances} if len(instances) > 1 else {}
    return {"label": label, "has_mass": bool(fused.any()), **several}


def _load_mask(job: IngestJob, path: Path, mammogram: Mammogram) -> Mask:
    """A mask on the grid of its image; what was done to it is its remarks, which are counted."""
    rows, columns = mammogram.pixels.shape
    try:
        mask = load_mask(path, image=mammogram)
    except InputRefusedError as error:
        raise InputRefusedError(error.code, f"its mask {as_printable(path.name)}: {error.reason}") from error
    remarks = list(mask.remarks)
    pixels = fit_to_grid(mask.pixels, (rows, columns), note=remarks.append)
    for remark in remarks:
        job.report.note(remark, path)
    return Mask(pixels, tuple(remarks))
