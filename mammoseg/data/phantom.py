"""The phantom cohort: synthetic mammograms as DICOM MG files, with their masses as DICOM SEG."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from tqdm import tqdm

from mammoseg.data.phantom_breast import Breast, draw_breast, draw_view
from mammoseg.data.phantom_dicom import WHEN, write_mammogram
from mammoseg.data.phantom_mass import draw_masses
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import WrongCallError

FULL_FIELD_ROWS = 3328
"""Rows of a full-field detector with 0.07 mm pixels; fewer rows mean larger pixels, not a smaller breast."""

SMALLEST_SIZE = 64
"""Fewest rows of a phantom: with 64, the median mass has 9 pixels."""

NORMAL_EVERY = 6
"""One patient in this many has no mass."""

LARGEST_SIZE = 8192
"""Most rows of a phantom: film scans have about 6000, and the memory it takes grows with the square."""


def generate_cohort(output: Path, *, patients: int = 24, size: int = 512, seed: int = 0) -> list[dict[str, Any]]:
    """Write a CC and an MLO view of one breast for each patient, and the masses in them as DICOM SEG.

    Patient k is the same in a cohort of any number of patients, and the same call writes the same bytes. One image of
    four is MONOCHROME1, one of four JPEG 2000 (lossless).

    Args:
        output: folder that gets ``images/*.dcm`` (MG) and ``labels/*.dcm`` (SEG, one segment a mass).
        size: rows of each image; it has ``round(0.8 * size)`` columns.

    Returns:
        One datalist record per image, with paths relative to `output`.

    Raises:
        WrongCallError: there is no patient, an image is too small for a mass or too large, or the seed is negative.
    """
    if patients < 1 or not SMALLEST_SIZE <= size <= LARGEST_SIZE or seed < 0:
        raise WrongCallError(
            f"patients={patients}, size={size}, seed={seed}; give patients >= 1, size of {SMALLEST_SIZE} to "
            f"{LARGEST_SIZE}, seed >= 0."
        )
    progress = tqdm(range(patients), desc="phantom", unit="patient", disable=None)
    return [record for number in progress for record in _write_patient(output, number, size, seed)]


def _write_patient(output: Path, number: int, size: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng([seed, number])
    laterality = str(rng.choice(["L", "R"]))
    is_normal = number % NORMAL_EVERY == NORMAL_EVERY - 1
    breast = draw_breast(rng, masses=[] if is_normal else draw_masses(rng))
    patient_id = f"PHANTOM-{number + 1:04d}"
    spacing = round(0.07 * FULL_FIELD_ROWS / size, 6)
    records = []
    for view in ("CC", "MLO"):
        image_id = f"{patient_id}_{laterality}_{view}"
        paths = {"image": f"images/{image_id}.dcm", "label": f"labels/{image_id}.dcm"}
        pixels, lesions = draw_view(rng, size=size, view=view, laterality=laterality, breast=breast)
        image = write_mammogram(
            output / paths["image"],
            pixels,
            laterality=laterality,
            view=view,
            photometric="MONOCHROME1" if rng.random() < 0.25 else "MONOCHROME2",
            transfer_syntax=JPEG2000Lossless if rng.random() < 0.25 else ExplicitVRLittleEndian,
            patient_id=patient_id,
            study=f"{seed}-{size}",
            pixel_spacing_mm=(spacing, spacing),
        )
        write_object(build_segmentation(Analysis(image, lesions, None, WHEN)), output / paths["label"])
        place = {"patient_id": patient_id, "laterality": laterality, "view": view}
        spacings = {"pixel_spacing_mm": [spacing, spacing], "pixel_spacing_source": "ImagerPixelSpacing"}
        records.append({"image_id": image_id, **paths, **place, **_describe_findings(breast), **spacings})
    return records


def _describe_findings(breast: Breast) -> dict[str, Any]:
    """What the record says about the masses, in the words of CBIS-DDSM; of several, the most suspicious one counts."""
    if not breast.masses:
        return {"has_mass": False, "pathology": "NORMAL", "density": breast.density}
    worst = max(breast.masses, key=lambda mass: (mass.spiculated, mass.area))
    return {
        "has_mass": True,
        "pathology": "MALIGNANT" if worst.spiculated else "BENIGN",
        "shape": "IRREGULAR" if worst.spiculated else "ROUND",
        "margin": "SPICULATED" if worst.spiculated else "CIRCUMSCRIBED",
        "density": breast.density,
    }
