"""Every kind and profile of SEG through every reader: the outcome is pinned, so that a change upstream is seen."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass

from mammoseg.dicom.iod import find_lacking_attributes
from mammoseg.dicom.seg import SegKind, SegProfile, build_segmentation
from mammoseg.dicom.write import hash_content, write_object
from tests.dicom import readers
from tests.made_analysis import made_analysis
from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "dicom.md"

SAME, NO_ERROR, UNKNOWN = "same pixels", "no error", "class unknown"
IN_PLACE, BLANK, NO_FRACTIONS = "mask in its place", "blank page", "refuses: fractional"
NO_POSITION, NO_ORIENTATION, NO_DISTANCE = "refuses: no position", "refuses: no orientation", "refuses: zero spacing"

REFUSALS = {
    "FrameLUT.ImagePositionPatient_0": NO_POSITION,
    "Plane Orientation (Patient) is missing": NO_ORIENTATION,
    "Zero-valued spacing is not supported": NO_DISTANCE,
    "Information Object Not found": UNKNOWN,
    "Unrecognized SOP Class": UNKNOWN,
    "Unable to determine ImageIO reader": UNKNOWN,
    "Fractional segmentations are not yet supported": NO_FRACTIONS,
    "Cannot destructure property": BLANK,
}
"""What a reader says when it refuses, and what that means."""

KINDS = (SegKind.BINARY, SegKind.FRACTIONAL, SegKind.LABELMAP)

EXPECTED = {
    ("highdicom, by source image", SegProfile.VIEWER): (SAME, SAME, SAME),
    ("highdicom, by source image", SegProfile.STRICT): (SAME, SAME, SAME),
    ("highdicom, `get_volume`", SegProfile.VIEWER): (SAME, SAME, SAME),
    ("highdicom, `get_volume`", SegProfile.STRICT): (NO_POSITION, NO_POSITION, NO_POSITION),
    ("pydicom", SegProfile.VIEWER): (SAME, SAME, SAME),
    ("pydicom", SegProfile.STRICT): (SAME, SAME, SAME),
    ("dcmqi 1.5.7", SegProfile.VIEWER): (SAME, SAME, SAME),
    ("dcmqi 1.5.7", SegProfile.STRICT): (NO_ORIENTATION, NO_ORIENTATION, NO_ORIENTATION),
    ("SimpleITK 2.5", SegProfile.VIEWER): (NO_DISTANCE, SAME, UNKNOWN),
    ("SimpleITK 2.5", SegProfile.STRICT): (SAME, SAME, UNKNOWN),
    ("dciodvfy", SegProfile.VIEWER): (NO_ERROR, NO_ERROR, UNKNOWN),
    ("dciodvfy", SegProfile.STRICT): (NO_ERROR, NO_ERROR, UNKNOWN),
    ("dcentvfy, with the source", SegProfile.VIEWER): (NO_ERROR, NO_ERROR, UNKNOWN),
    ("dcentvfy, with the source", SegProfile.STRICT): (NO_ERROR, NO_ERROR, UNKNOWN),
    ("Orthanc 1.10, STOW and WADO", SegProfile.VIEWER): (SAME, SAME, SAME),
    ("Orthanc 1.10, STOW and WADO", SegProfile.STRICT): (SAME, SAME, SAME),
    ("OHIF 3.12.10", SegProfile.VIEWER): (IN_PLACE, NO_FRACTIONS, IN_PLACE),
    ("OHIF 3.12.10", SegProfile.STRICT): (BLANK, BLANK, BLANK),
    ("IOD tables of highdicom", SegProfile.VIEWER): (NO_ERROR, NO_ERROR, NO_ERROR),
    ("IOD tables of highdicom", SegProfile.STRICT): (NO_ERROR, NO_ERROR, NO_ERROR),
}
"""Outcome for `KINDS`; the SEG has two lesions. OHIF is tried by tests/viewer/test_ohif.py."""

each_object = pytest.mark.parametrize(("kind", "profile"), list(product(KINDS, SegProfile)))


@dataclass(frozen=True)
class Written:
    """A SEG on disk, its source, and what was drawn: ``(segments, Rows, Columns)`` of stored values."""

    path: Path
    source: Path
    kind: SegKind
    drawn: np.ndarray

    def verdict(self, pixels: np.ndarray) -> str:
        """`SAME`, if `pixels`, bit planes, a label map or a probability map, hold what was drawn."""
        if self.kind is SegKind.LABELMAP and len(pixels) == 1:
            pixels = np.concatenate([pixels == number for number in range(1, len(self.drawn) + 1)])
        if self.kind is SegKind.BINARY:
            pixels = pixels > 0  # readers say 1, 255 or the number of the segment
        return SAME if np.array_equal(pixels, self.drawn) else "other pixels"


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Callable[[SegKind, SegProfile], Written]:
    folder = tmp_path_factory.mktemp("objects")
    analysis = made_analysis(folder)
    steps = np.round(np.float32(analysis.probability) * 255).astype(np.uint8)

    def write(kind: SegKind, profile: SegProfile) -> Written:
        path = folder / f"{kind.value}-{profile.value}.dcm"
        write_object(build_segmentation(analysis, kind=kind, profile=profile), path)
        drawn = steps[np.newaxis] if kind is SegKind.FRACTIONAL else np.stack(analysis.lesions)
        return Written(path, folder / "source.dcm", kind, drawn)

    return write


@each_object
def test_highdicom_by_source_image(kind, profile, written):
    object_ = written(kind, profile)
    segmentation = hd.seg.segread(object_.path)
    source = pydicom.dcmread(object_.source, stop_before_pixels=True).SOPInstanceUID
    pixels = segmentation.get_pixels_by_source_instance([source], rescale_fractional=False)
    check("highdicom, by source image", kind, profile, object_.verdict(segments_first(pixels)))


@each_object
def test_highdicom_get_volume(kind, profile, written):
    object_ = written(kind, profile)
    try:
        volume = hd.seg.segread(object_.path).get_volume(rescale_fractional=False)
    except Exception as error:  # sqlite3.OperationalError today, but the kind is no promise
        outcome = meaning(str(error))
    else:
        outcome = object_.verdict(segments_first(volume.array))
    check("highdicom, `get_volume`", kind, profile, outcome)


@each_object
def test_pydicom(kind, profile, written):
    object_ = written(kind, profile)
    pixels = pydicom.dcmread(object_.path).pixel_array.reshape(-1, *object_.drawn.shape[1:])
    check("pydicom", kind, profile, object_.verdict(pixels))


@each_object
def test_dcmqi(kind, profile, written, tmp_path):
    object_ = written(kind, profile)
    check("dcmqi 1.5.7", kind, profile, outcome_of(object_, readers.read_with_dcmqi(object_.path, tmp_path)))


@each_object
def test_simpleitk(kind, profile, written, tmp_path):
    object_ = written(kind, profile)
    check("SimpleITK 2.5", kind, profile, outcome_of(object_, readers.read_with_simpleitk(object_.path, tmp_path)))


@each_object
def test_dciodvfy(kind, profile, written, dciodvfy):
    errors = readers.errors_of_dciodvfy(dciodvfy, written(kind, profile).path)
    check("dciodvfy", kind, profile, meaning(" ".join(errors)) if errors else NO_ERROR)


@each_object
def test_dcentvfy(kind, profile, written, dcentvfy):
    object_ = written(kind, profile)
    errors = readers.errors_of_dcentvfy(dcentvfy, [object_.source, object_.path])
    check("dcentvfy, with the source", kind, profile, meaning(" ".join(errors)) if errors else NO_ERROR)


@each_object
def test_iod_tables(kind, profile, written):
    lacking = find_lacking_attributes(pydicom.dcmread(written(kind, profile).path))
    check("IOD tables of highdicom", kind, profile, f"lacks {lacking}" if lacking else NO_ERROR)


@each_object
def test_orthanc(kind, profile, written, orthanc):
    object_ = written(kind, profile)
    sent = pydicom.dcmread(object_.path)
    client = DICOMwebClient(f"{orthanc.url}/dicom-web", session=create_session_from_user_pass(*orthanc.user))
    client.store_instances([sent])
    fetched = client.retrieve_instance(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
    assert hash_content(fetched) == hash_content(sent)
    pixels = fetched.pixel_array.reshape(-1, *object_.drawn.shape[1:])
    check("Orthanc 1.10, STOW and WADO", kind, profile, object_.verdict(pixels))


@pytest.mark.parametrize("profile", SegProfile)
def test_simpleitk_reads_one_lesion_in_either_profile(profile, tmp_path):
    """Two frames at one position are what it refuses."""
    analysis = made_analysis(tmp_path)
    alone = made_analysis(tmp_path, lesions=analysis.lesions[:1])
    write_object(build_segmentation(alone, profile=profile), tmp_path / "seg.dcm")
    assert np.array_equal(readers.read_with_simpleitk(tmp_path / "seg.dcm", tmp_path) > 0, alone.lesions)


def test_deflated_is_opened_by_every_reader_but_dicom3tools(tmp_path, orthanc, dciodvfy):
    analysis = made_analysis(tmp_path)
    path = tmp_path / "seg.dcm"
    write_object(build_segmentation(analysis, profile=SegProfile.STRICT, deflated=True), path)
    object_ = Written(path, tmp_path / "source.dcm", SegKind.BINARY, np.stack(analysis.lesions))
    sent = pydicom.dcmread(path)
    client = DICOMwebClient(f"{orthanc.url}/dicom-web", session=create_session_from_user_pass(*orthanc.user))
    client.store_instances([sent])
    fetched = client.retrieve_instance(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
    planes = hd.seg.segread(path).get_pixels_by_source_instance([analysis.source.SOPInstanceUID])
    read = [segments_first(planes), sent.pixel_array, fetched.pixel_array, readers.read_with_simpleitk(path, tmp_path)]
    assert [object_.verdict(pixels) for pixels in read] == [SAME] * 4
    write_object(build_segmentation(analysis, deflated=True), path)
    assert object_.verdict(readers.read_with_dcmqi(path, tmp_path)) == SAME
    assert "Error - Dicom dataset read failed" in readers.errors_of_dciodvfy(dciodvfy, path)


def test_the_document_shows_these_outcomes():
    assert table() in DOCUMENT.read_text(encoding="utf-8"), f"docs/dicom.md should hold\n{table()}"


def table() -> str:
    """`EXPECTED` as a table in Markdown, one row a reader and profile."""
    head = ["reader", "profile", *(kind.value for kind in KINDS)]
    rows = [[reader, profile.value, *outcomes] for (reader, profile), outcomes in EXPECTED.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def check(reader: str, kind: SegKind, profile: SegProfile, outcome: str) -> None:
    assert outcome == EXPECTED[reader, profile][KINDS.index(kind)]


def outcome_of(object_: Written, read: np.ndarray | str) -> str:
    return meaning(read) if isinstance(read, str) else object_.verdict(read)


def meaning(text: str) -> str:
    """The outcome that a reader's own words stand for; the words themselves when they are new."""
    return next((outcome for words, outcome in REFUSALS.items() if words in text), text)


def segments_first(pixels: np.ndarray) -> np.ndarray:
    """``(1, Rows, Columns, segments)`` to ``(segments, Rows, Columns)``."""
    return np.moveaxis(pixels[0], -1, 0)
