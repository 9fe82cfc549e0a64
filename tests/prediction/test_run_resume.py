"""The same call goes on: what is done stays, what was changed is done again."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import MammosegError, NothingUsableError, OutputError, StoppedError
from mammoseg.prediction.options import Options, parse_objects
from mammoseg.prediction.run import Workers
from tests.made_predictor import BrightIsMass
from tests.prediction.outputs import names_in, rows_of
from tests.run_predictor import run_predictor


def test_ctrl_c_keeps_what_was_finished(pixels, tmp_path):
    class Stopped(BrightIsMass):
        def __call__(self, path):
            if path.name == "b.dcm":
                raise KeyboardInterrupt
            return super().__call__(path)

    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    with pytest.raises(StoppedError, match="1 of 3 files done") as stopped:
        run_predictor(Stopped(), [tmp_path], tmp_path / "out")
    assert stopped.value.exit_code == 130
    assert names_in(tmp_path / "out") == ["a.overlay.png", "a.seg.dcm", "a.sr.dcm", "index.html", "results.csv"]
    assert len(rows_of(tmp_path / "out")) == 1


def test_a_run_that_its_weights_end_has_table_and_page_of_what_was_done(pixels, tmp_path):
    class Failing(BrightIsMass):
        def __call__(self, path):
            if path.name == "b.dcm":
                raise WeightsError("they are gone.")
            return super().__call__(path)

    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    with pytest.raises(WeightsError, match="they are gone"):
        run_predictor(Failing(), [tmp_path], tmp_path / "out")
    assert [Path(row["file"]).name for row in rows_of(tmp_path / "out")] == ["a.dcm"]
    assert (tmp_path / "out" / "index.html").is_file()


def test_full_disk_ends_the_run_with_one_sentence_and_leaves_no_part_of_a_file(pixels, tmp_path, monkeypatch, capsys):
    def no_space(self, *arguments):
        raise OSError(28, "No space left on device")

    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(OutputError, match=r"cannot be written to .*\(No space left on device\); free space") as ended:
        run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    assert ended.value.exit_code == 1
    assert names_in(tmp_path / "out") == []
    assert "E_" not in capsys.readouterr().err


def test_a_second_run_does_only_what_is_not_done_and_says_so(pixels, tmp_path, capsys):
    for name in "ab":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.dcm")}
    (tmp_path / "out" / "b.seg.dcm").write_bytes(b"damaged")
    write_mammogram(tmp_path / "c.dcm", pixels)
    seen = []

    class Watched(BrightIsMass):
        def __call__(self, path):
            seen.append(path.name)
            return super().__call__(path)

    assert "done already" not in capsys.readouterr().err
    run_predictor(Watched(), [tmp_path], tmp_path / "out")
    assert "1 of 3 files done already, left as they are." in capsys.readouterr().err
    assert seen == ["b.dcm", "c.dcm"]
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["mass found"] * 3
    kept = [path.name for path, time in first.items() if path.stat().st_mtime_ns == time]
    assert "a.seg.dcm" in kept
    assert "b.seg.dcm" not in kept


def test_another_threshold_does_all_files_again(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    before = pydicom.dcmread(tmp_path / "out" / "a.seg.dcm").SOPInstanceUID
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(threshold=0.6))
    assert pydicom.dcmread(tmp_path / "out" / "a.seg.dcm").SOPInstanceUID != before


def test_what_other_settings_no_longer_write_does_not_stay(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    three = Options(objects=parse_objects("seg,sr,sc"))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=three)
    (tmp_path / "out" / "a.sr.dcm").write_bytes(b"changed by its owner")
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(objects=parse_objects("seg")))
    assert [name for name in names_in(tmp_path / "out") if name.endswith(".dcm")] == ["a.seg.dcm", "a.sr.dcm"]


def test_changed_source_is_done_again(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    write_mammogram(tmp_path / "a.dcm", np.full_like(pixels, 200) + np.eye(*pixels.shape, dtype=int))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["status"] == "no mass found"


def test_results_of_a_source_that_changed_and_is_refused_now_do_not_stay(pixels, tmp_path):
    for name in "ab":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    (tmp_path / "a.dcm").write_text("no image any more")
    (tmp_path / "b.dcm").unlink()  # nothing is known of what it is now
    with pytest.raises(NothingUsableError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "out")
    assert names_in(tmp_path / "out") == ["b.overlay.png", "b.seg.dcm", "b.sr.dcm", "index.html", "results.csv"]


def test_what_a_killed_run_left_half_written_is_removed(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".a.seg-x1y2.tmp.dcm").write_bytes(b"half")
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert not [name for name in names_in(tmp_path / "out") if "tmp" in name]


def test_two_runs_do_not_write_to_one_folder(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)

    class Nested(BrightIsMass):
        def __call__(self, path):
            with pytest.raises(MammosegError, match="another process is writing to"):
                run_predictor(BrightIsMass(), [path], tmp_path / "out")
            return super().__call__(path)

    run_predictor(Nested(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert "a.seg.dcm" in names_in(tmp_path / "out")


def test_a_call_that_is_refused_leaves_table_and_page_of_an_earlier_run(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    written = {name: (tmp_path / "out" / name).read_bytes() for name in ("results.csv", "index.html")}
    (tmp_path / "out" / ".mammoseg").rename(tmp_path / "elsewhere")
    (tmp_path / "out" / ".mammoseg").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link"):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in written} == written


def test_ctrl_c_before_all_that_is_done_was_looked_at_takes_no_row_of_it_out_of_the_table(
    pixels, tmp_path, monkeypatch
):
    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    before = rows_of(tmp_path / "out")
    (tmp_path / "out" / "c.sr.dcm").unlink()

    def stopped(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("mammoseg.prediction.records.hash_file", stopped)
    with pytest.raises(StoppedError, match="0 of 3 files done"):
        run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    assert rows_of(tmp_path / "out") == before[:2], "c lacks a result"


def test_table_and_page_keep_what_another_call_of_the_same_settings_has_done(pixels, tmp_path):
    for name in "ab":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
        run_predictor(BrightIsMass(), [tmp_path / f"{name}.dcm"], tmp_path / "out")
    assert [row["segmentation"] for row in rows_of(tmp_path / "out")] == ["b.seg.dcm", "a.seg.dcm"]
    assert "a.overlay.png" in (tmp_path / "out" / "index.html").read_text()
    run_predictor(BrightIsMass(), [tmp_path / "b.dcm"], tmp_path / "out", options=Options(threshold=0.6))
    assert [row["segmentation"] for row in rows_of(tmp_path / "out")] == ["b.seg.dcm"]


def write_of_two_patients(pixels, folder):
    """``p1/1-1.dcm`` and ``p2/1-1.dcm``."""
    for number, patient in enumerate(("p1", "p2")):
        write_mammogram(folder / patient / "1-1.dcm", pixels + number, patient_id=patient)


def patients_in(output):
    """Names of segmentations, and whose they are."""
    return {path.name: pydicom.dcmread(path).PatientID for path in output.glob("*.seg.dcm")}


def test_results_of_files_of_one_name_stay_apart_over_calls_and_each_call_finds_its_own(pixels, tmp_path, capsys):
    write_of_two_patients(pixels, tmp_path)
    for patient in ("p1", "p2"):
        run_predictor(BrightIsMass(), [tmp_path / patient], tmp_path / "out")
    assert patients_in(tmp_path / "out") == {"1-1.seg.dcm": "p1", "1-1-2.seg.dcm": "p2"}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("1-1*")}
    for inputs in (["p1"], ["p2"], ["p2", "p1"]):
        capsys.readouterr()
        run_predictor(BrightIsMass(), [tmp_path / patient for patient in inputs], tmp_path / "out")
        assert f"{len(inputs)} of {len(inputs)} file" in capsys.readouterr().err
        assert [Path(row["file"]).parent.name for row in rows_of(tmp_path / "out")][: len(inputs)] == inputs
        assert len(rows_of(tmp_path / "out")) == 2
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("1-1*")}


def test_a_file_keeps_the_name_of_its_results_where_that_of_another_became_free(pixels, tmp_path):
    write_of_two_patients(pixels, tmp_path)
    run_predictor(BrightIsMass(), [tmp_path / "p1", tmp_path / "p2"], tmp_path / "out")
    (tmp_path / "out" / ".mammoseg" / "1-1.json").unlink()
    run_predictor(BrightIsMass(), [tmp_path / "p2"], tmp_path / "out")
    assert patients_in(tmp_path / "out") == {"1-1.seg.dcm": "p1", "1-1-2.seg.dcm": "p2"}


def test_a_file_that_was_moved_is_done_and_one_that_comes_to_its_old_place_takes_nothing_from_it(
    pixels, tmp_path, capsys
):
    write_of_two_patients(pixels, tmp_path)
    run_predictor(BrightIsMass(), [tmp_path / "p1"], tmp_path / "out")
    (tmp_path / "p1").rename(tmp_path / "moved")
    run_predictor(BrightIsMass(), [tmp_path / "moved"], tmp_path / "out")
    assert "1 of 1 file done already" in capsys.readouterr().err
    (tmp_path / "p2").rename(tmp_path / "p1")
    run_predictor(BrightIsMass(), [tmp_path / "p1"], tmp_path / "out")
    assert patients_in(tmp_path / "out") == {"1-1.seg.dcm": "p1", "1-1-2.seg.dcm": "p2"}


@pytest.mark.parametrize("threshold", [0.5, 0.99])
def test_a_mask_that_a_person_has_changed_stays_and_is_named(threshold, pixels, tmp_path):
    cv2.imwrite(str(tmp_path / "film.png"), (pixels // 16).astype(np.uint8))
    run_predictor(BrightIsMass(), [tmp_path / "film.png"], tmp_path / "out")
    drawn = np.zeros(pixels.shape, np.uint8)
    drawn[30:40, 30:40] = 255
    cv2.imwrite(str(tmp_path / "out" / "film.mask.png"), drawn)
    for _ in range(2):
        with pytest.raises(NothingUsableError):
            run_predictor(
                BrightIsMass(), [tmp_path / "film.png"], tmp_path / "out", options=Options(threshold=threshold)
            )
        assert rows_of(tmp_path / "out")[0]["code"] == "E_OUTPUT"
        assert "film.mask.png is not as an earlier call wrote it" in rows_of(tmp_path / "out")[0]["reason"]
        assert np.array_equal(cv2.imread(str(tmp_path / "out" / "film.mask.png"), cv2.IMREAD_UNCHANGED), drawn)


def test_a_mask_that_nobody_has_changed_gives_way_to_that_of_other_settings(pixels, mass, tmp_path):
    cv2.imwrite(str(tmp_path / "film.png"), (pixels // 16).astype(np.uint8))
    for least in (100, 10):  # of discs of 197 and 81 pixels
        run_predictor(BrightIsMass(), [tmp_path / "film.png"], tmp_path / "out", options=Options(min_area_pixels=least))
    assert np.array_equal(cv2.imread(str(tmp_path / "out" / "film.mask.png"), cv2.IMREAD_UNCHANGED) > 0, mass)


def test_results_of_an_earlier_call_are_no_mammograms_of_the_next(pixels, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "film.png"), (pixels // 16).astype(np.uint8))
    write_mammogram(tmp_path / "a.dcm", pixels)
    for output in ("out1", "out2"):
        run_predictor(BrightIsMass(), [tmp_path], tmp_path / output)
    assert [Path(row["file"]).name for row in rows_of(tmp_path / "out2")] == ["a.dcm", "film.png"]
    assert "passed over (no images, masks of images, results of an earlier call, " in capsys.readouterr().out


def test_nobody_else_writes_to_the_folder_before_table_and_page_are_there(pixels, tmp_path, monkeypatch):
    def write(rows, run, path):
        with pytest.raises(MammosegError, match="another process is writing to"):
            run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
        path.touch()

    write_mammogram(tmp_path / "a.dcm", pixels)
    monkeypatch.setattr("mammoseg.prediction.run.write_page", write)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert (tmp_path / "out" / "index.html").exists()


def test_weights_that_change_during_a_run_end_it_and_what_is_done_stays_in_the_table(pixels, tmp_path):
    class Replaced(BrightIsMass):
        def limit_threads(self, count):  # is called once the run has begun
            self.algorithm = replace(self.algorithm, weights_sha256="cd" * 32)

    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    with pytest.raises(WeightsError, match="changed during the run: abababababab at its start, cdcdcdcdcdcd now"):
        run_predictor(Replaced(), [tmp_path], tmp_path / "out", workers=Workers(2, Replaced))
    assert [row["segmentation"] for row in rows_of(tmp_path / "out")] == ["a.seg.dcm"]
    assert not (tmp_path / "out" / "b.seg.dcm").exists()


def test_a_run_that_goes_on_with_another_engine_keeps_what_is_done_and_says_whose_it_is(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels)
    ours = BrightIsMass().algorithm
    earlier, later = (replace(ours, engine=engine, precision="f32") for engine in ("torch 2", "openvino 3"))
    run_predictor(BrightIsMass(earlier), [tmp_path], tmp_path / "out")
    write_mammogram(tmp_path / "b.dcm", pixels // 2)
    run_predictor(BrightIsMass(later), [tmp_path], tmp_path / "out")
    assert "1 of 2 files done already, 1 by torch 2, left as they are." in capsys.readouterr().err
    assert [(row["engine"], row["precision"]) for row in rows_of(tmp_path / "out")] == [
        ("torch 2", "f32"),
        ("openvino 3", "f32"),
    ]
    for kind in ("seg", "sr"):
        said = pydicom.dcmread(tmp_path / "out" / f"b.{kind}.dcm").to_json()
        assert "engine=openvino 3" in said and "precision=f32" in said
    capsys.readouterr()
    run_predictor(BrightIsMass(replace(later, precision="bf16")), [tmp_path], tmp_path / "out")
    assert "2 files done with f32 before, now again with bf16; --precision names one." in capsys.readouterr().err
    assert {row["precision"] for row in rows_of(tmp_path / "out")} == {"bf16"}


def test_a_lesion_keeps_its_tracking_uid_whichever_engine_found_it(pixels, tmp_path):
    path = tmp_path / "a.dcm"
    write_mammogram(path, pixels)
    tracked, instances = set(), set()
    for engine in ("torch 2", "openvino 3"):
        run_predictor(BrightIsMass(replace(BrightIsMass().algorithm, engine=engine)), [path], tmp_path / engine)
        found = pydicom.dcmread(tmp_path / engine / "a.seg.dcm")
        tracked.add(tuple(segment.TrackingUID for segment in found.SegmentSequence))
        instances.add(found.SOPInstanceUID)
    assert len(tracked) == 1 and len(instances) == 2
