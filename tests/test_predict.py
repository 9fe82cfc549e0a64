import csv
import json
import logging
import sys
import warnings
from pathlib import Path
from types import ModuleType

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    JPEG2000Lossless,
    RLELossless,
)

from mammoseg.data.find_images import find_inputs
from mammoseg.data.mammogram import Mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.seg import SegKind
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError
from mammoseg.predict import (
    PartlyRefusedError,
    StoppedError,
    predict,
    run_predictor,
)
from mammoseg.prediction.file_job import OutputError, area_mm2
from mammoseg.prediction.options import Options, parse_objects
from tests.made_predictor import BrightIsMass

ROWS, COLUMNS = 80, 60


@pytest.fixture
def mass():
    """Discs of radius 8 and 5 in the upper left and the lower right, bool (80, 60)."""
    y, x = np.ogrid[:ROWS, :COLUMNS]
    return ((y - 20) ** 2 + (x - 15) ** 2 <= 64) | ((y - 60) ** 2 + (x - 45) ** 2 <= 25)


@pytest.fixture
def pixels(mass):
    return np.where(mass, 4000, 200)


def rows_of(output):
    with (output / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".mammoseg")


def test_dicom_gives_segmentation_overlay_table_and_page(pixels, tmp_path):
    write_mammogram(tmp_path / "left cc.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "left cc.dcm"], tmp_path / "out")
    assert names_in(tmp_path / "out") == [
        "index.html",
        "left_cc.overlay.png",
        "left_cc.seg.dcm",
        "left_cc.sr.dcm",
        "results.csv",
    ]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("transfer_syntax", [JPEG2000Lossless, RLELossless])
def test_segmentation_lies_on_the_stored_grid_of_its_source(pixels, mass, photometric, transfer_syntax, tmp_path):
    source = write_mammogram(
        tmp_path / "a.dcm", pixels, laterality="R", photometric=photometric, transfer_syntax=transfer_syntax
    )
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    lesions = segmentation.get_pixels_by_source_instance([source.SOPInstanceUID])
    assert lesions.shape == (1, ROWS, COLUMNS, 2)
    assert np.array_equal(lesions[0].any(axis=-1), mass)
    assert lesions[0, 20, 15, 0] == 1, "the largest lesion comes first"


def test_table_tells_count_area_and_probability(pixels, mass, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    assert (row["file"], row["status"], row["code"]) == (str(tmp_path / "a.dcm"), "mass found", "")
    assert (row["lesions"], row["segmentation"]) == ("2", "a.seg.dcm")
    assert float(row["area_mm2"]) == pytest.approx(mass.sum() * 0.02, rel=1e-3)
    assert float(row["max_probability"]) == pytest.approx((4000 - 0) / 4095, abs=0.03)


def test_nothing_found_is_a_result_with_an_empty_segmentation(tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", 200 * np.eye(ROWS, COLUMNS, dtype=int))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["status"] == "no mass found"
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    assert not segmentation.get_pixels_by_source_instance([source.SOPInstanceUID]).any()


def test_probabilities_are_written_when_asked_for(pixels, tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(kind=SegKind.FRACTIONAL))
    segmentation = hd.seg.segread(tmp_path / "out" / "a.seg.dcm")
    expected = BrightIsMass()(tmp_path / "a.dcm").probability
    assert segmentation.SegmentationType == "FRACTIONAL"
    probability = segmentation.get_pixels_by_source_instance([source.SOPInstanceUID])[0, ..., 0]
    assert np.abs(probability - expected).max() <= 0.5 / 255 + 1e-6


def test_threshold_of_the_call_is_used_and_written(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(threshold=0.999))
    assert rows_of(tmp_path / "out")[0]["lesions"] == "0"
    segment = pydicom.dcmread(tmp_path / "out" / "a.seg.dcm").SegmentSequence[0]
    assert "threshold=0.999" in segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters


@pytest.mark.parametrize(("ending", "depth"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint16)])
def test_picture_gives_a_mask_picture(mass, ending, depth, tmp_path):
    cv2.imwrite(str(tmp_path / f"a.{ending}"), mass.astype(depth) * np.iinfo(depth).max)
    run_predictor(BrightIsMass(), [tmp_path / f"a.{ending}"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["segmentation"] == "a.mask.png"
    written = cv2.imread(str(tmp_path / "out" / "a.mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, mass * np.uint8(255))
    assert rows_of(tmp_path / "out")[0]["area_mm2"] == "", "a PNG has no honest spacing"


def test_picture_gives_a_probability_picture_when_asked_for(mass, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), mass.astype(np.uint8) * 51)  # 51 / 255 = 0.2
    run_predictor(BrightIsMass(), [tmp_path / "a.png"], tmp_path / "out", options=Options(kind=SegKind.FRACTIONAL))
    written = cv2.imread(str(tmp_path / "out" / "a.probability.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, mass * np.uint16(13107))  # 0.2 * 65535


def empty_file(path, pixels):
    path.touch()


def text_file(path, pixels):
    path.write_text("this is no image")


def truncated_header(path, pixels):
    write_mammogram(path, pixels)
    path.write_bytes(path.read_bytes()[:700])


def truncated_pixels(path, pixels):
    write_mammogram(path, pixels)
    path.write_bytes(path.read_bytes()[:-1000])


def no_pixels(path, pixels):
    write_mammogram(path, pixels, attributes={"PixelData": None})


def tomosynthesis(path, pixels):
    write_mammogram(path, pixels, attributes={"SOPClassUID": BreastTomosynthesisImageStorage, "NumberOfFrames": 3})


def several_frames(path, pixels):
    write_mammogram(path, pixels, attributes={"NumberOfFrames": 3})


def colour(path, pixels):
    write_mammogram(path, pixels, attributes={"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3})


def wrong_modality(path, pixels):
    write_mammogram(path, pixels, attributes={"Modality": "CT"})


def unreadable_compression(path, pixels):
    write_mammogram(path, pixels, transfer_syntax=JPEG2000Lossless)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG-2 video
    dataset.save_as(path)


def damaged_compression(path, pixels):
    write_mammogram(path, pixels, transfer_syntax=JPEG2000Lossless)
    content = path.read_bytes()
    start = content.index(b"\xff\x4f\xff\x51")  # start of the JPEG 2000 codestream
    path.write_bytes(content[:start] + bytes(len(content) - start - 8) + content[-8:])


def zero_size(path, pixels):
    write_mammogram(path, pixels, attributes={"Rows": 0})


def segmentation_object(path, pixels):
    write_mammogram(path, pixels)
    run_predictor(BrightIsMass(), [path], path.parent / "first")
    path.write_bytes((path.parent / "first" / "bad.seg.dcm").read_bytes())


def no_uid(path, pixels):
    write_mammogram(path, pixels, attributes={"StudyInstanceUID": ""})


def patient_number_too_long(path, pixels):
    write_mammogram(path, pixels)
    dataset = pydicom.dcmread(path)
    with pydicom.config.disable_value_validation():
        dataset.add_new("PatientID", "LO", "CANARY" * 11)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.save_as(path)


BAD = {
    empty_file: "E_NOT_DICOM",
    text_file: "E_NOT_DICOM",
    truncated_header: "E_",
    truncated_pixels: "E_TRUNCATED",
    no_pixels: "E_NO_PIXELS",
    tomosynthesis: "E_MULTIFRAME",
    several_frames: "E_MULTIFRAME",
    colour: "E_COLOUR",
    wrong_modality: "E_MODALITY",
    unreadable_compression: "E_COMPRESSION",
    damaged_compression: "E_COMPRESSION",
    zero_size: "E_SIZE",
    segmentation_object: "E_SOP_CLASS",
    no_uid: "E_DICOM_UID",
    patient_number_too_long: "E_ATTRIBUTE",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_input_gets_one_line_and_the_others_go_on(make, pixels, tmp_path, capsys):
    bad = tmp_path / "bad.dcm"
    make(bad, pixels)
    write_mammogram(tmp_path / "good.dcm", pixels)
    capsys.readouterr()
    with pytest.raises(PartlyRefusedError, match="1 of 2 files were refused") as refused:
        run_predictor(BrightIsMass(), [bad, tmp_path / "good.dcm"], tmp_path / "out")
    assert refused.value.exit_code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "E_" in line]
    assert line.startswith(f"{bad}: {BAD[make]}")
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["refused", "mass found"]
    assert rows_of(tmp_path / "out")[0]["code"].startswith(BAD[make])
    assert "good.seg.dcm" in names_in(tmp_path / "out")
    assert "bad.seg.dcm" not in names_in(tmp_path / "out")


def test_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NothingUsableError, match="none of 1 files could be used"):
        run_predictor(BrightIsMass(), [tmp_path / "nowhere.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["code"] == "E_NOT_A_FILE"


def test_run_without_any_good_file_ends_with_exit_code_3(tmp_path):
    text_file(tmp_path / "bad.dcm", None)
    with pytest.raises(NothingUsableError) as nothing:
        run_predictor(BrightIsMass(), [tmp_path / "bad.dcm"], tmp_path / "out")
    assert nothing.value.exit_code == 3


def test_folder_without_images_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").touch()
    with pytest.raises(NothingUsableError, match="no file to segment, 1 passed over"):
        run_predictor(BrightIsMass(), [tmp_path / "in"], tmp_path / "out")


def test_no_patient_data_is_printed_or_tabled(pixels, tmp_path, capfd):
    canaries = {
        "PatientName": "CANARY^NAME",
        "PatientBirthDate": "19111111",
        "AccessionNumber": "CANARY-3",
        "InstitutionName": "CANARY-4",
        "PatientComments": "CANARY-5",
        "ReferringPhysicianName": "CANARY6",
    }
    write_mammogram(tmp_path / "good.dcm", pixels, patient_id="CANARY-1", attributes=canaries)
    write_mammogram(tmp_path / "bad.dcm", pixels, attributes={**canaries, "Modality": "CT"})
    with pydicom.config.disable_value_validation():
        write_mammogram(tmp_path / "long.dcm", pixels, attributes={**canaries, "AccessionNumber": "CANARY" * 9})
    write_mammogram(
        tmp_path / "odd.dcm",
        pixels,
        attributes={**canaries, "LossyImageCompression": "01", "LossyImageCompressionRatio": "61.25"},
    )
    (tmp_path / "odd.dcm").write_bytes((tmp_path / "odd.dcm").read_bytes().replace(b"61.25", b"CANAR"))
    with pytest.raises(PartlyRefusedError):
        run_predictor(BrightIsMass(), [tmp_path], tmp_path / "out")
    printed = capfd.readouterr()
    written = [(tmp_path / "out" / name).read_text() for name in ("results.csv", "index.html")]
    for text in (printed.out, printed.err, *written, *names_in(tmp_path / "out")):
        assert "CANAR" not in text
        assert "19111111" not in text


def test_warnings_of_libraries_are_not_shown_as_they_may_quote_the_header(pixels, tmp_path, recwarn, caplog):
    class Talkative(BrightIsMass):
        def __call__(self, path):
            warnings.warn("Invalid value: CANARY", stacklevel=1)
            logging.getLogger("pydicom").warning("Invalid value: CANARY")
            return super().__call__(path)

    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(Talkative(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert len(recwarn) == 0
    assert caplog.text == ""


def test_fault_of_one_file_does_not_end_the_run_nor_quote_the_header(pixels, tmp_path, capsys):
    class Faulty(BrightIsMass):
        def __call__(self, path):
            if path.name == "a.dcm":
                raise TypeError("CANARY")
            return super().__call__(path)

    for name in "ab":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    with pytest.raises(PartlyRefusedError):
        run_predictor(Faulty(), [tmp_path], tmp_path / "out")
    assert "a.dcm: E_FAULT: TypeError in test_predict.py, line " in capsys.readouterr().err
    assert "CANARY" not in (tmp_path / "out" / "results.csv").read_text()


def test_weights_that_know_phantoms_only_say_so_loudly(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(phantom_only=True), [tmp_path / "a.dcm"], tmp_path / "out")
    assert "WARNING: These weights know synthetic phantoms only" in capsys.readouterr().err
    assert "These weights know synthetic phantoms only" in (tmp_path / "out" / "index.html").read_text()


def test_ctrl_c_keeps_what_was_finished(pixels, tmp_path):
    class Stopped(BrightIsMass):
        def __call__(self, path):
            if path.name == "b.dcm":
                raise KeyboardInterrupt
            return super().__call__(path)

    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", pixels)
    with pytest.raises(StoppedError, match="1 of 3 files are done") as stopped:
        run_predictor(Stopped(), [tmp_path], tmp_path / "out")
    assert stopped.value.exit_code == 130
    assert names_in(tmp_path / "out") == ["a.overlay.png", "a.seg.dcm", "a.sr.dcm", "index.html", "results.csv"]
    assert len(rows_of(tmp_path / "out")) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5, -0.5])
def test_network_that_gives_no_probabilities_is_a_failure_not_an_empty_result(value, pixels, tmp_path):
    class Broken(BrightIsMass):
        def __call__(self, path):
            prediction = super().__call__(path)
            prediction.probability[3, 4] = value
            return prediction

    write_mammogram(tmp_path / "a.dcm", pixels)
    with pytest.raises(NothingUsableError):
        run_predictor(Broken(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["code"] == "E_NETWORK"


def test_network_that_sees_masses_everywhere_is_a_failure(tmp_path):
    checkerboard = np.kron(np.indices((20, 20)).sum(axis=0) % 2, np.zeros((4, 4), int) + 1)
    isolated = np.zeros((80, 80), int)
    isolated[::4, ::4] = 4000 * checkerboard[::4, ::4]
    write_mammogram(tmp_path / "a.dcm", isolated)  # 200 bright pixels, none of which touch
    with pytest.raises(NothingUsableError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["code"] == "E_TOO_MANY_REGIONS"


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


def test_a_second_run_does_only_what_is_not_done(pixels, tmp_path):
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

    run_predictor(Watched(), [tmp_path], tmp_path / "out")
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


def test_changed_source_is_done_again(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels)
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    write_mammogram(tmp_path / "a.dcm", np.full_like(pixels, 200) + np.eye(ROWS, COLUMNS, dtype=int))
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["status"] == "no mass found"


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


def test_json_prints_one_record_for_each_file(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels)
    text_file(tmp_path / "b.dcm", None)
    with pytest.raises(PartlyRefusedError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "out", json=True)
    printed = capsys.readouterr()
    first, second = (json.loads(line) for line in printed.out.splitlines())
    assert (first["status"], first["segmentation"]) == ("mass found", "a.seg.dcm")
    assert (second["status"], second["code"]) == ("refused", "E_NOT_DICOM")
    assert "E_NOT_DICOM" not in printed.err


def test_what_a_user_should_know_of_a_file_is_said_and_tabled(pixels, tmp_path, capsys):
    with pydicom.config.disable_value_validation():
        write_mammogram(
            tmp_path / "a.dcm", pixels, attributes={"PatientBirthDate": "00000000", "ImageLaterality": None}
        )
    objects = parse_objects("seg,sr,cad_sr")
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(objects=objects))
    (row,) = rows_of(tmp_path / "out")
    assert "malformed and left out of the results: PatientBirthDate" in row["notes"]
    assert "no Mammography CAD SR" in row["notes"]
    assert (row["cad_report"], row["report"]) == ("", "a.sr.dcm")
    assert "a.dcm: note: malformed and left out" in capsys.readouterr().err


def test_two_files_of_one_instance_and_other_pixels_do_not_both_get_results(pixels, tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", pixels)
    write_mammogram(tmp_path / "b.dcm", pixels + 1, attributes={"SOPInstanceUID": source.SOPInstanceUID})
    with pytest.raises(PartlyRefusedError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "out")
    row = rows_of(tmp_path / "out")[1]
    assert row["code"] == "E_DUPLICATE_UID"
    assert str(tmp_path / "a.dcm") in row["reason"]


@pytest.mark.parametrize(("options", "found"), [({"min_area_pixels": 100}, 1), ({"min_area_mm2": 1.0}, 2)])
def test_smaller_lesions_than_asked_for_are_left_out(options, found, pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, pixel_spacing_mm=(0.1, 0.2))  # areas of 197 and 81 pixels
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(**options))
    assert rows_of(tmp_path / "out")[0]["lesions"] == str(found)


def test_smallest_area_in_mm2_needs_a_spacing(pixels, tmp_path):
    write_mammogram(tmp_path / "a.dcm", pixels, attributes={"ImagerPixelSpacing": None})
    with pytest.raises(NothingUsableError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=Options(min_area_mm2=1.0))
    assert rows_of(tmp_path / "out")[0]["code"] == "E_SPACING"


def test_folder_is_searched_to_the_bottom_without_sidecars_and_output(tmp_path):
    for name in ("b/c/2.dcm", "b/1", "notes.TXT", ".hidden.dcm", "DICOMDIR", "out/old.seg.dcm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    paths, passed_over = find_inputs([tmp_path], tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in paths] == ["b/1", "b/c/2.dcm"]
    assert passed_over == 3


def test_sidecar_is_tried_when_it_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert find_inputs([tmp_path / "notes.txt"], tmp_path / "out") == ([tmp_path / "notes.txt"], 0)


def test_file_named_twice_is_tried_once(tmp_path):
    (tmp_path / "a.dcm").touch()
    (tmp_path / "sub").mkdir()
    paths, _ = find_inputs([tmp_path / "a.dcm", tmp_path / "sub/../a.dcm", tmp_path], tmp_path / "out")
    assert paths == [tmp_path / "a.dcm"]


def test_area_is_that_in_the_breast(mass):
    def mammogram(spacing, source, magnification):
        return Mammogram(np.zeros((1, 1)), None, None, spacing, source, magnification, (0, 1), Path("a"))

    square = np.zeros((20, 20), bool)
    square[:10, :10] = True  # 100 pixels
    assert area_mm2([square, square], mammogram((0.1, 0.2), "ImagerPixelSpacing", None)) == pytest.approx(4.0)
    assert area_mm2([square], mammogram((0.1, 0.2), "ImagerPixelSpacing", 2.0)) == pytest.approx(0.5)
    assert area_mm2([square], mammogram((0.1, 0.2), "PixelSpacing", 2.0)) == pytest.approx(2.0)
    assert area_mm2([square], mammogram(None, None, 2.0)) is None


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 2, float("nan")])
def test_threshold_out_of_range_is_a_wrong_call(threshold, tmp_path):
    with pytest.raises(WrongCallError, match="threshold is"):
        predict("a.dcm", output=tmp_path, threshold=threshold)


def test_call_without_input_is_a_wrong_call(tmp_path):
    with pytest.raises(WrongCallError, match="no input is named"):
        predict(output=tmp_path)


def test_output_that_is_a_file_is_a_wrong_call(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(WrongCallError, match="cannot be made"):
        predict("a.dcm", output=tmp_path / "out")


@pytest.fixture
def made(monkeypatch):
    """What `predict` makes its predictor with; the predictor itself needs no torch."""

    def make(**choices):
        made.update(choices)
        return BrightIsMass()

    made = {}
    inference = ModuleType("mammoseg.inference")
    inference.Predictor = make
    monkeypatch.setitem(sys.modules, "mammoseg.inference", inference)
    return made


def test_predict_hands_its_choices_to_the_predictor(pixels, made, tmp_path):
    path, output = tmp_path / "a.dcm", tmp_path / "out"
    write_mammogram(path, pixels)
    predict(path, output=str(output), bundle="aunet", weights="w.pt", modalities="RG", device="cpu")
    assert made == {"bundle": "aunet", "weights": Path("w.pt"), "device": "cpu", "modalities": ("RG",)}
    assert rows_of(output)[0]["status"] == "mass found"


def test_predict_says_which_weights_it_takes_when_none_are_named(pixels, made, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels)
    predict(tmp_path / "a.dcm", output=tmp_path / "out")
    assert "No weights are named; demo/model.pt is used." in capsys.readouterr().err
