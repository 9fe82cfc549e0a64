"""The gate of bad input: what is not one readable grey projection image is refused here, by a stable code.

In this order: `mammoseg.dicom.parse` (is it a sound file), `check_is_mammogram` (is it an image to look at),
`mammoseg.dicom.pixels` and `mammoseg.dicom.codestream` (do header and pixels agree), and only then a decoder.
"""

import logging
import re
from collections.abc import Sequence

from pydicom import uid
from pydicom.dataset import Dataset

from mammoseg.dicom.attributes import SECONDARY_CAPTURE, check_kind, holds_private_volume, is_synthesized, list_remarks
from mammoseg.dicom.parse import open_dicom
from mammoseg.dicom.pixels import check_pixel_description, decode
from mammoseg.dicom.values import read_code_string, read_text
from mammoseg.errors import InputRefusedError

__all__ = ["check_is_mammogram", "check_pixel_description", "decode", "open_dicom"]

logger = logging.getLogger(__name__)

IMAGE_CLASSES = {
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForPresentation,
    uid.ComputedRadiographyImageStorage,
    *SECONDARY_CAPTURE,
}
"""SOP classes that can hold one projection of one breast; film scans come as secondary capture."""

VOLUME_CLASSES = {
    uid.BreastTomosynthesisImageStorage,
    uid.BreastProjectionXRayImageStorageForPresentation,
    uid.BreastProjectionXRayImageStorageForProcessing,
}
"""SOP classes of tomosynthesis; a synthesized 2D image of one frame may come in them too."""

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
"""UIDs that results refer to, or that become part of a path or an address."""

UIDS_THAT_MAY_BE_EMPTY = ("FrameOfReferenceUID",)
"""A mammogram needs none, and some units write it without a value."""

KNOWN_MODALITIES = {"MG", "CR", "DX", "RG", "OT", "SC", "CT", "MR", "US", "XA", "RF", "NM", "PT", "SEG", "SR", "PR"}
"""What a message repeats of Modality; anything else could be text that names a person."""


def check_is_mammogram(dataset: Dataset, modalities: Sequence[str]) -> None:
    """Refuse what is not one grey projection image made for looking at.

    Raises:
        InputRefusedError: ``E_DICOM_UID``, ``E_SOP_CLASS``, ``E_FOR_PROCESSING``, ``E_MULTIFRAME``, ``E_MODALITY``,
            ``E_IMAGE_KIND``, or ``E_ATTRIBUTE`` where one of these is malformed.
    """
    check_uids(dataset)
    _check_sop_class(uid.UID(read_text(dataset, "SOPClassUID")), dataset)
    modality = read_code_string(dataset, "Modality")
    if modality not in modalities:
        known = (modality if modality in KNOWN_MODALITIES else "unknown") if modality else "absent or empty"
        reason = f"Modality is {known}, not {' or '.join(modalities)}; let it in with --modalities, such as MG,RG."
        raise InputRefusedError("E_MODALITY", reason)
    check_kind(dataset)
    for remark in list_remarks(dataset):
        logger.warning("%s", remark)
    if read_code_string(dataset, "BurnedInAnnotation") not in ("", "NO"):
        logger.warning("text is burned into the image; it will show in the overlay picture")


def _check_sop_class(sop_class: uid.UID, dataset: Dataset) -> None:
    if not sop_class:
        raise InputRefusedError("E_SOP_CLASS", "SOP Class UID is absent or empty, so the file does not say what it is.")
    is_flat = sop_class == uid.BreastTomosynthesisImageStorage and is_synthesized(dataset)
    if sop_class in VOLUME_CLASSES and not is_flat:
        reason = f"{sop_class.name} is tomosynthesis; give a 2D mammogram, exposed or synthesized."
        raise InputRefusedError("E_MULTIFRAME", reason)
    if holds_private_volume(dataset):
        reason = "a placeholder for tomosynthesis in private elements (Hologic SCO); give a 2D mammogram."
        raise InputRefusedError("E_MULTIFRAME", reason)
    if (
        sop_class == uid.DigitalMammographyXRayImageStorageForProcessing
        or read_code_string(dataset, "PresentationIntentType") == "FOR PROCESSING"
    ):
        raise InputRefusedError("E_FOR_PROCESSING", "raw detector data; give the FOR PRESENTATION image.")
    if sop_class not in IMAGE_CLASSES and not is_flat:
        name = sop_class.name if sop_class in uid.UID_dictionary else "an unknown SOP class"
        raise InputRefusedError("E_SOP_CLASS", f"{name} is not a mammogram.")


def check_uids(dataset: Dataset) -> None:
    """Refuse a UID that breaks the grammar (PS3.5 9.1), before it is used in a path, an address or a reference.

    One that is absent passes: reading needs none, and what writes DICOM asks for it.

    Raises:
        InputRefusedError: ``E_DICOM_UID``.
    """
    for keyword in UIDS:
        value = read_text(dataset, keyword)
        if keyword not in dataset or is_uid(value) or (not value and keyword in UIDS_THAT_MAY_BE_EMPTY):
            continue
        fault = "is too long or no UID" if value else "is empty"
        raise InputRefusedError("E_DICOM_UID", f"{keyword} {fault}; correct it in the system that made the file.")


def is_uid(value: str) -> bool:
    """Whether a text is a UID, PS3.5 9.1; unlike pydicom's `UID.is_valid`, without a newline at its end."""
    return len(value) <= 64 and re.fullmatch(uid.RE_VALID_UID, value) is not None
