"""What labels cost, in totals by day and role."""

import json

import pytest

from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.effort import EffortLog


@pytest.fixture
def effort(tmp_path):
    return EffortLog(AuditLog(tmp_path), tmp_path, named=False)


def read_totals(folder):
    (of_day,) = json.loads((folder / "effort.json").read_text()).values()
    return of_day


def test_totals_are_sums_over_the_labels_that_know_a_number(effort, tmp_path):
    for seconds in (1.5, None):
        effort.keep("ada", "annotator", "image", {"prompts": 2, "seconds": seconds})
    seconds, prompts = {"sum": 1.5, "labels": 1}, {"sum": 4, "labels": 2}
    assert read_totals(tmp_path) == {"annotator": {"labels": 2, "prompts": prompts, "seconds": seconds}}


@pytest.mark.parametrize("form", ["", '{"a', "[]", '{"DAY": 1}', '{"DAY": {"annotator": {}}}', "\xff"])
def test_damaged_totals_are_kept_aside_and_begun_anew(effort, tmp_path, form):
    effort.keep("ada", "annotator", "image", {})
    (day,) = json.loads((tmp_path / "effort.json").read_text())
    content = form.replace("DAY", day).encode("latin-1")
    (tmp_path / "effort.json").write_bytes(content)
    effort.keep("ada", "annotator", "image", {})
    assert read_totals(tmp_path) == {"annotator": {"labels": 1}}
    (kept,) = tmp_path.glob("effort.damaged-*.json")
    assert kept.read_bytes() == content
