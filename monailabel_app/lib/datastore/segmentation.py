"""The DICOM SEG of what one person drew on one mammogram."""

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from pydicom.uid import UID
from scipy import ndimage

from mammoseg.dicom.analysis import Analysis, derive_uid
from mammoseg.dicom.read import read_header
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from mammoseg.inference.lesions import TOUCHING
from monailabel_app.lib.datastore.work import Proposal, helper_of

MOST_MASSES = 100
"""Separate regions of one label; each becomes a segment, and nobody draws so many masses."""


def write_drawn(
    target: Path,
    mask: np.ndarray,
    image: Path,
    *,
    label_id: str,
    seconds: float,
    user: str = "",
    proposals: Sequence[Proposal] = (),
) -> None:
    """Write the SEG of `mask` to `target`: a segment a connected region, largest first; none says "no mass found".

    Args:
        mask: bool ``(rows, columns)`` on the stored grid of `image`.
        label_id: SOP Instance UID: a mask that is drawn again later is another instance.
        seconds: time of the content, since 1970 in UTC.
        user: who drew it; Content Creator's Name.
        proposals: what models had proposed: a region that shares a pixel with one is SEMIAUTOMATIC, by the last such
            model; the others are MANUAL.

    Raises:
        InputRefusedError: too many regions, or the image's header is not fit to derive from.
    """
    when = datetime.fromtimestamp(seconds, timezone.utc)
    regions = _regions(mask)
    assisted = [helper_of(region, proposals) for region in regions]
    segmentation = build_segmentation(Analysis(read_header(image), regions, None, when, assisted=assisted))
    segmentation.SOPInstanceUID = segmentation.file_meta.MediaStorageSOPInstanceUID = UID(label_id)
    segmentation.SeriesInstanceUID = derive_uid(label_id, "series")
    if name := re.sub(r"[^\w .@-]", " ", user).strip():
        segmentation.ContentCreatorName = name[:64]
    write_object(segmentation, target)


def _regions(mask: np.ndarray) -> Sequence[np.ndarray]:
    labels, count = ndimage.label(mask, structure=TOUCHING)
    if count > MOST_MASSES:
        reason = f"the label has {count} separate regions, at most {MOST_MASSES} are masses; remove the specks."
        raise InputRefusedError("E_TOO_MANY_REGIONS", reason)
    areas = np.bincount(labels[mask], minlength=1)[1:]
    return [labels == index + 1 for index in np.argsort(-areas, kind="stable")]
