"""The same analysis gives the same bytes, in any process and at any time; what decides them gives another UID."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import product

import pytest

from mammoseg.dicom.seg import SegKind, SegProfile, build_segmentation
from mammoseg.dicom.write import hash_content
from tests.made_analysis import ALGORITHM, WHEN, made_analysis

COMBINATIONS = list(product(SegKind, SegProfile))

IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
from tests.dicom.test_seg_same_bytes import digests_of_all
print(json.dumps(digests_of_all(Path(sys.argv[1]))))
"""


def digests_of_all(folder):
    """SHA-256 of the file that each kind and profile makes of `made_analysis`."""
    analysis = made_analysis(folder)
    return [digest_of_bytes(build_segmentation(analysis, kind=kind, profile=profile)) for kind, profile in COMBINATIONS]


def digest_of_bytes(segmentation):
    buffer = BytesIO()
    segmentation.save_as(buffer, enforce_file_format=True)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def test_another_process_makes_the_same_bytes(tmp_path):
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == digests_of_all(tmp_path)


@pytest.mark.parametrize(("kind", "profile"), COMBINATIONS)
def test_another_time_changes_bytes_but_not_content(kind, profile, tmp_path):
    analysis = made_analysis(tmp_path)
    first = build_segmentation(analysis, kind=kind, profile=profile)
    later = build_segmentation(replace(analysis, when=WHEN + timedelta(days=1)), kind=kind, profile=profile)
    assert digest_of_bytes(first) != digest_of_bytes(later)
    assert hash_content(first) == hash_content(later)
    assert first.SOPInstanceUID == later.SOPInstanceUID


def test_kind_profile_threshold_weights_and_pixels_each_give_another_uid(tmp_path):
    analysis = made_analysis(tmp_path)
    others = [
        replace(analysis, algorithm=replace(ALGORITHM, threshold=0.4)),
        replace(analysis, algorithm=replace(ALGORITHM, weights_sha256="cd" * 32)),
        replace(analysis, algorithm=replace(ALGORITHM, version="0.2.0")),
        replace(analysis, lesions=analysis.lesions[:1], probability=analysis.probability / 2),
        replace(analysis, algorithm=None),
    ]
    uids = [
        build_segmentation(each, kind=kind, profile=profile).SOPInstanceUID
        for each in (analysis, *others)
        for kind, profile in COMBINATIONS
    ]
    assert len(set(uids)) == len(uids) == 36
