"""What became of a file that was to be stored, by DICOMweb or by C-STORE."""

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pydicom import Dataset

from mammoseg.archives.dicomweb.client import Instance
from mammoseg.dicom.parse import open_dicom
from mammoseg.dicom.values import read_text
from mammoseg.errors import InputRefusedError
from mammoseg.files import as_printable


class StoreStatus(Enum):
    """``KEPT``: the archive held the same content under this UID, so nothing was sent."""

    STORED = "stored"
    KEPT = "kept"
    REFUSED = "refused"


@dataclass(frozen=True)
class Stored:
    """One file, or one dataset that is in no file.

    Attributes:
        path: None for a dataset.
        sop_instance_uid: empty where the file could not be read.
        code: ``E_...`` of a refusal, else empty; ``E_ARCHIVE`` when the archive failed or did not take it.
        reason: why it was not stored, in words.
        verified: whether the archive gave the same content back.
        has_answer: False where the archive failed before it said anything of this file, which may pass.
    """

    path: Path | None
    sop_instance_uid: str
    status: StoreStatus
    code: str = ""
    reason: str = ""
    verified: bool = False
    has_answer: bool = True

    @property
    def ok(self) -> bool:
        """Whether the archive has it."""
        return self.status is not StoreStatus.REFUSED

    def as_refused(self, code: str, reason: str, *, has_answer: bool = True) -> "Stored":
        """The same file, refused."""
        refused = replace(self, status=StoreStatus.REFUSED, verified=False)
        return replace(refused, code=code, reason=reason, has_answer=has_answer)

    def as_record(self) -> dict[str, str | bool]:
        """For ``--json``; without the UID, which is read from inside the file."""
        return {
            "file": "" if self.path is None else as_printable(self.path),
            "status": self.status.value,
            "code": self.code,
            "reason": self.reason,
            "verified": self.verified,
        }


def open_checked(source: Path | Dataset) -> tuple[Dataset, Instance]:
    """Data set and address of what is to be stored.

    Raises:
        InputRefusedError: no sound DICOM file (nesting some 50 deep ends Orthanc 1.10), or a UID is missing or no UID.
    """
    dataset = open_dicom(source) if isinstance(source, Path) else source
    try:
        keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        instance = Instance(*(read_text(dataset, keyword) for keyword in keywords))
    except ValueError:
        raise InputRefusedError("E_DICOM_UID", "the UID of study, series or instance is missing or no UID.") from None
    if dataset.file_meta.get("MediaStorageSOPInstanceUID") != instance.sop:
        raise InputRefusedError("E_DICOM_UID", "the UID in the File Meta Information is not that of the data set.")
    return dataset, instance
