"""Objects on disk: the same bytes, whole or not at all, and never another's instance."""

import os
import resource
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest

from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import WriteOutcome, hash_content, write_object
from mammoseg.errors import InputRefusedError
from tests.made_analysis import ALGORITHM, WHEN, made_analysis

LATER = WHEN + timedelta(hours=1)


@pytest.fixture
def analysis(tmp_path_factory):
    return made_analysis(tmp_path_factory.mktemp("source"))


@pytest.fixture
def seg(analysis):
    return build_segmentation(analysis)


def test_a_written_object_is_the_dataset_byte_by_byte(seg, tmp_path):
    assert write_object(seg, tmp_path / "seg.dcm") is WriteOutcome.WRITTEN
    assert hash_content(pydicom.dcmread(tmp_path / "seg.dcm")) == hash_content(seg)
    assert [path.name for path in tmp_path.iterdir()] == ["seg.dcm"]


def test_a_plain_dataset_is_written_too(analysis, tmp_path):
    plain = analysis.source
    assert write_object(plain, tmp_path / "plain.dcm") is WriteOutcome.WRITTEN
    assert pydicom.dcmread(tmp_path / "plain.dcm").PatientID == "CANARY"


def test_the_same_content_at_another_time_keeps_the_file(analysis, seg, tmp_path):
    write_object(seg, tmp_path / "seg.dcm")
    before = (tmp_path / "seg.dcm").stat()
    later = build_segmentation(replace(analysis, when=LATER))
    assert write_object(later, tmp_path / "seg.dcm") is WriteOutcome.KEPT
    after = (tmp_path / "seg.dcm").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_content_under_one_uid_is_refused_and_the_file_stays(seg, tmp_path):
    write_object(seg, tmp_path / "seg.dcm")
    before = (tmp_path / "seg.dcm").read_bytes()
    seg.SegmentSequence[1].SegmentLabel = "Other"
    with pytest.raises(InputRefusedError, match="E_OUTPUT: seg.dcm holds other content under the same UID"):
        write_object(seg, tmp_path / "seg.dcm")
    assert (tmp_path / "seg.dcm").read_bytes() == before


def test_another_threshold_replaces_the_file(analysis, seg, tmp_path):
    write_object(seg, tmp_path / "seg.dcm")
    other = build_segmentation(replace(analysis, algorithm=replace(ALGORITHM, threshold=0.4)))
    assert write_object(other, tmp_path / "seg.dcm") is WriteOutcome.WRITTEN
    assert pydicom.dcmread(tmp_path / "seg.dcm").SOPInstanceUID == other.SOPInstanceUID


@pytest.mark.parametrize("rubbish", [b"", b"no DICOM", b"\0" * 128 + b"DICM\xff\xff\xff"])
def test_a_file_that_is_no_dicom_is_replaced(seg, rubbish, tmp_path):
    (tmp_path / "seg.dcm").write_bytes(rubbish)
    assert write_object(seg, tmp_path / "seg.dcm") is WriteOutcome.WRITTEN


def test_a_truncated_file_is_not_taken_for_the_result(seg, tmp_path):
    write_object(seg, tmp_path / "seg.dcm")
    whole = (tmp_path / "seg.dcm").read_bytes()
    (tmp_path / "seg.dcm").write_bytes(whole[:-100])
    with pytest.raises(InputRefusedError, match="delete it"):
        write_object(seg, tmp_path / "seg.dcm")


def test_digest_forgets_times_of_mammoseg_at_any_depth_and_nothing_else(analysis, seg):
    digest = hash_content(seg)
    assert hash_content(build_segmentation(replace(analysis, when=LATER))) == digest
    assert seg.ContributingEquipmentSequence[-1].ContributionDateTime
    seg.StudyDate = "19990101"
    assert hash_content(seg) != digest


@pytest.mark.parametrize(
    ("keyword", "kind", "value"),
    [("PatientSex", "CS", "f"), ("StudyTime", "TM", "99"), ("PatientName", "PN", "A" * 65)],
)
def test_a_value_against_its_representation_is_refused_without_quoting_it(seg, keyword, kind, value, tmp_path):
    with pydicom.config.disable_value_validation():
        seg.add_new(keyword, kind, value)
    with pytest.raises(InputRefusedError) as refused:
        write_object(seg, tmp_path / "seg.dcm")
    assert (
        str(refused.value)
        == f"E_RESULT: the result would break the rules of DICOM: {keyword} would be malformed; mend the source."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_lacks_what_dicom_requires_is_not_written(seg, tmp_path):
    del seg.PatientID
    with pytest.raises(InputRefusedError, match="E_RESULT: the result would break .*: PatientID would be lacking"):
        write_object(seg, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_does_not_stay(seg, tmp_path, monkeypatch):
    write_bytes = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: write_bytes(path, data[:-1] + b"\xff"))
    with pytest.raises(OSError, match="seg.dcm does not read back what was written"):
        write_object(seg, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_pixels_that_highdicom_reads_otherwise_are_no_result(analysis, seg, tmp_path, monkeypatch):
    other = build_segmentation(replace(analysis, lesions=analysis.lesions[::-1]))
    monkeypatch.setattr("highdicom.seg.segread", lambda path: other)
    with pytest.raises(OSError, match="does not read back"):
        write_object(seg, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(analysis, seg, tmp_path):
    """Simulated by the limit on the size of a file, RLIMIT_FSIZE, so that it runs without root."""
    write_object(build_segmentation(replace(analysis, lesions=[])), tmp_path / "seg.dcm")
    before = (tmp_path / "seg.dcm").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_object(seg, tmp_path / "seg.dcm")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"seg.dcm": before}


def test_a_read_only_folder_is_an_error_of_the_system(seg):
    """Root may write anywhere, so the test writes as nobody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                write_object(seg, Path(name, "seg.dcm"))
        finally:
            os.seteuid(user)
        assert list(Path(name).iterdir()) == []
