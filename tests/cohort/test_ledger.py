"""The ledger: what counts as done, whatever happened to its lines."""

import json
from dataclasses import replace

import pytest

from mammoseg.cohort.items import CohortItem, name_results
from mammoseg.cohort.ledger import Ledger
from mammoseg.errors import OutputError
from mammoseg.prediction.file_job import make_refused_row
from mammoseg.prediction.table import Row, Status


def item_called(key, path, state="1:1"):
    return CohortItem(key, path, name_results(key, path), state)


@pytest.fixture
def item(tmp_path):
    return item_called("/a.dcm", tmp_path / "a.dcm")


def row_for(item):
    stem = item.name.partition("/")[2]
    return Row(str(item.path), Status.FOUND, segmentation=f"{stem}.seg.dcm")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ledger.jsonl"


def test_what_was_added_is_done_in_the_next_run_too(file, item):
    with Ledger(file, "s").open() as ledger:
        assert not ledger.find_row(item)
        ledger.add(item, row_for(item))
        assert ledger.find_row(item)
    with Ledger(file, "s").open() as ledger:
        assert ledger.find_row(item)
        assert [(key, row) for key, _, row in ledger.read_rows()] == [(item.key, row_for(item))]


def test_other_settings_and_a_changed_file_are_not_done(file, item):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
        assert not ledger.find_row(item_called(item.key, item.path, state="2:2"))
    with Ledger(file, "other").open() as ledger:
        assert not ledger.find_row(item)
        assert list(ledger.read_rows()) == []


def test_what_was_done_in_another_precision_is_known_until_it_is_done_again(file, item):
    done = replace(row_for(item), precision="f32")
    with Ledger(file, "in f32").open() as ledger:
        ledger.add(item, done)
        assert ledger.find_precision_before(item) is None
    with Ledger(file, "in bf16").open() as ledger:
        assert ledger.find_precision_before(item) == "f32"
        ledger.add(item, replace(done, precision="bf16"))
        assert ledger.find_precision_before(item) is None


@pytest.mark.parametrize("code", ["E_BITS", "E_TRUNCATED", "E_SPACING"])
def test_a_refusal_that_the_file_is_to_blame_for_is_for_good(file, item, code):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, make_refused_row(item.path, code, "reason"))
        assert ledger.find_row(item)


@pytest.mark.parametrize(
    "code",
    [
        *("E_WORKER", "E_FAULT", "E_ARCHIVE", "E_NOT_A_FILE", "E_TIMEOUT", "E_RESOURCES", "E_DECODER"),
        *("E_MODALITY", "E_DUPLICATE_UID", "E_OUTPUT", "E_NETWORK", "E_NOT_FINITE"),
    ],
)
def test_a_refusal_that_not_the_file_alone_is_to_blame_for_is_tried_again(file, item, code):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, make_refused_row(item.path, code, "reason"))
        assert ledger.find_row(item) is None


def test_the_last_line_of_a_mammogram_counts(file, item):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, make_refused_row(item.path, "E_WORKER", "ended"))
        ledger.add(item, row_for(item))
        assert [row.status for _, _, row in ledger.read_rows()] == [Status.FOUND]


def test_a_mammogram_that_was_done_under_other_settings_since_has_no_row_under_these(file, tmp_path, item):
    other = item_called("/b.dcm", tmp_path / "b.dcm")
    for settings, items in (("x", (item, other)), ("y", (item, other)), ("x", (other,))):
        with Ledger(file, settings).open() as ledger:
            for one in items:
                ledger.add(one, row_for(one))
    with Ledger(file, "x").open() as ledger:
        assert [key for key, _, _ in ledger.read_rows()] == [other.key]
        assert ledger.find_row(item) is None
        assert ledger.find_row(other) == row_for(other)


def test_results_that_were_made_anew_are_not_stored_yet(file, item):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
        ledger.add_stored(item.key)
        assert ledger.is_stored(item.key)
        ledger.add(item, row_for(item))
        assert not ledger.is_stored(item.key)


def test_results_are_stored_in_the_archive_that_has_them_and_in_no_other(file, item):
    with Ledger(file, "s", archive="https://a/dicom-web").open() as ledger:
        ledger.add(item, row_for(item))
        ledger.add_stored(item.key)
    for archive, stored in (("https://a/dicom-web", True), ("https://b/dicom-web", False), (None, True)):
        with Ledger(file, "s", archive=archive).open() as ledger:
            assert ledger.is_stored(item.key) is stored


def test_results_that_a_line_without_an_archive_says_to_be_stored_are_offered_to_one_that_is_named(file, item):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
    with file.open("a") as lines:
        lines.write(json.dumps({"stored": item.key}) + "\n")
    for archive, stored in ((None, True), ("https://a/dicom-web", False)):
        with Ledger(file, "s", archive=archive).open() as ledger:
            assert ledger.is_stored(item.key) is stored


@pytest.mark.parametrize("half", [1, 40, 200])
def test_half_a_line_of_a_killed_run_is_cut_off(file, tmp_path, item, half):
    other = item_called("/b.dcm", tmp_path / "b.dcm")
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
        whole = file.read_bytes()
        ledger.add(other, row_for(other))
    file.write_bytes(whole + file.read_bytes()[len(whole) :][:half])
    with Ledger(file, "s").open() as ledger:
        assert file.read_bytes() == whole
        assert ledger.find_row(item)
        assert not ledger.find_row(other)
        ledger.add(other, row_for(other))
    assert [json.loads(line)["key"] for line in file.read_bytes().splitlines()] == ["/a.dcm", "/b.dcm"]


def test_a_file_without_any_end_of_line_is_emptied(file):
    file.write_bytes(b"x" * 200_000)
    with Ledger(file, "s").open():
        assert file.read_bytes() == b""


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../home"},
        {"name": "ab/../x"},
        {"name": 7},
        {"segmentation": "/etc/passwd"},
        {"segmentation": "../other.seg.dcm"},
        {"status": "fine"},
        {"lesions": "many"},
        {"file": "\x1b[2J"},
    ],
)
def test_a_line_that_somebody_else_wrote_does_not_count(file, item, change):
    with Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
    line = json.loads(file.read_text()) | change
    file.write_text("no JSON\n[]\n7\n" + json.dumps(line) + "\n")
    with Ledger(file, "s").open() as ledger:
        assert not ledger.find_row(item)
        assert list(ledger.read_rows()) == []


def test_a_link_is_not_followed(file, tmp_path):
    (tmp_path / "elsewhere").write_text("mine")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link"), Ledger(file, "s").open():
        pass
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_full_disk_is_one_sentence_and_what_was_written_before_counts(file, item, tmp_path, monkeypatch):
    other = item_called("/b.dcm", tmp_path / "b.dcm")
    with pytest.raises(OutputError, match="No space left on device"), Ledger(file, "s").open() as ledger:
        ledger.add(item, row_for(item))
        ledger._handle = FullDisk(ledger._handle)
        ledger.add(other, row_for(other))
    with Ledger(file, "s").open() as ledger:
        assert ledger.find_row(item)
        assert not ledger.find_row(other)


class FullDisk:
    """A file that takes ten more bytes."""

    def __init__(self, file):
        self.file = file
        self.left = 10

    def write(self, content):
        if not self.left:
            raise OSError(28, "No space left on device")
        written = self.file.write(content[: self.left])
        self.left -= written
        return written

    def fileno(self):
        return self.file.fileno()
