"""A file that cannot be used is one line, without patient data; the others go on."""

import json
import logging
import warnings

import numpy as np
import pydicom
import pytest

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import NothingUsableError, PartlyRefusedError
from tests.made_predictor import BrightIsMass
from tests.prediction.outputs import names_in, rows_of
from tests.run_predictor import run_predictor


def test_bad_input_gets_one_line_and_the_others_go_on(pixels, tmp_path, capsys):
    bad = tmp_path / "bad.dcm"
    bad.write_text("this is no image")
    write_mammogram(tmp_path / "good.dcm", pixels)
    capsys.readouterr()
    with pytest.raises(PartlyRefusedError, match="1 of 2 files refused") as refused:
        run_predictor(BrightIsMass(), [bad, tmp_path / "good.dcm"], tmp_path / "out")
    assert refused.value.exit_code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "E_" in line]
    assert line.startswith(f"{bad}: E_NOT_DICOM: ")
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["refused", "mass found"]
    assert rows_of(tmp_path / "out")[0]["code"] == "E_NOT_DICOM"
    assert "good.seg.dcm" in names_in(tmp_path / "out")
    assert "bad.seg.dcm" not in names_in(tmp_path / "out")


def test_a_modality_that_the_next_call_lets_in_is_segmented(pixels, tmp_path):
    write_mammogram(tmp_path / "rg.dcm", pixels, attributes={"Modality": "RG"})
    with pytest.raises(NothingUsableError):
        run_predictor(BrightIsMass(), [tmp_path / "rg.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["code"] == "E_MODALITY"
    run_predictor(BrightIsMass(modalities=("MG", "RG")), [tmp_path / "rg.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["status"] == "mass found"


def test_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NothingUsableError, match="none of 1 file could be used"):
        run_predictor(BrightIsMass(), [tmp_path / "nowhere.dcm"], tmp_path / "out")
    assert rows_of(tmp_path / "out")[0]["code"] == "E_NOT_A_FILE"


def test_run_without_any_good_file_ends_with_exit_code_3(tmp_path):
    (tmp_path / "bad.dcm").write_text("this is no image")
    with pytest.raises(NothingUsableError) as nothing:
        run_predictor(BrightIsMass(), [tmp_path / "bad.dcm"], tmp_path / "out")
    assert nothing.value.exit_code == 3


def test_folder_without_images_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").touch()
    with pytest.raises(NothingUsableError, match="no file to segment, 1 passed over"):
        run_predictor(BrightIsMass(), [tmp_path / "in"], tmp_path / "out")


def test_json_prints_one_record_for_each_file(pixels, tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", pixels)
    (tmp_path / "b.dcm").write_text("this is no image")
    with pytest.raises(PartlyRefusedError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "out", json=True)
    printed = capsys.readouterr()
    first, second = (json.loads(line) for line in printed.out.splitlines())
    assert (first["status"], first["segmentation"]) == ("mass found", "a.seg.dcm")
    assert (second["status"], second["code"]) == ("refused", "E_NOT_DICOM")
    assert "E_NOT_DICOM" not in printed.err


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
    assert "a.dcm: E_FAULT: TypeError in test_run_refusals.py, line " in capsys.readouterr().err
    assert "CANARY" not in (tmp_path / "out" / "results.csv").read_text()


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


def test_two_files_of_one_instance_and_other_pixels_do_not_both_get_results(pixels, tmp_path):
    source = write_mammogram(tmp_path / "a.dcm", pixels)
    write_mammogram(tmp_path / "b.dcm", pixels + 1, attributes={"SOPInstanceUID": source.SOPInstanceUID})
    with pytest.raises(PartlyRefusedError):
        run_predictor(BrightIsMass(), [tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "out")
    row = rows_of(tmp_path / "out")[1]
    assert row["code"] == "E_DUPLICATE_UID"
    assert str(tmp_path / "a.dcm") in row["reason"]
