"""De-identification: nothing that names the patient stays anywhere in the file, all else does."""

import json
import subprocess

import numpy as np
import pydicom
import pytest
from dicomanonymizer import simpledicomanonymizer as library
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.deidentification.deidentify import deidentify
from mammoseg.dicom.codestream import join_fragments
from mammoseg.errors import MammosegError, NothingUsableError, OutputError, PartlyRefusedError, WrongCallError
from tests.canary import MARK, MARKS, marks_in, write_canary

PIXELS = np.arange(64 * 48).reshape(64, 48)


@pytest.fixture
def run(tmp_path):
    """Call `deidentify` with a key and a map of this test; returns the files written, by name."""

    def call(*inputs, output="out", **options):
        options = {"key_file": tmp_path / "keys" / "key", "map_file": tmp_path / "keys" / "map.json"} | options
        deidentify(*inputs, output=tmp_path / output, **options)
        return sorted((tmp_path / output).iterdir())

    return call


def test_no_canary_is_left_anywhere_in_the_file(tmp_path, run):
    source = write_canary(tmp_path / f"{MARK}.dcm", PIXELS)
    assert marks_in(source.read_bytes()) == list(MARKS)
    (written,) = run(source)
    assert marks_in(written.read_bytes()) == []
    assert MARK not in written.name


def test_the_library_alone_leaves_some(tmp_path):
    source = write_canary(tmp_path / "a.dcm", PIXELS)
    library.anonymize_dicom_file(source, tmp_path / "b.dcm")
    assert marks_in((tmp_path / "b.dcm").read_bytes()) != []


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, RLELossless])
def test_pixels_and_what_a_segmentation_needs_stay(tmp_path, run, syntax):
    write_mammogram(tmp_path / "a.dcm", PIXELS, **({"transfer_syntax": syntax} if syntax else {}))
    (written,) = run(tmp_path / "a.dcm")
    before, after = pydicom.dcmread(tmp_path / "a.dcm"), pydicom.dcmread(written)
    assert len(before.PixelData) == len(after.PixelData)
    np.testing.assert_array_equal(before.pixel_array, after.pixel_array)
    assert before.file_meta.TransferSyntaxUID == after.file_meta.TransferSyntaxUID
    kept = (
        "ImageLaterality ViewPosition PatientOrientation ImagerPixelSpacing WindowCenter Rows ViewCodeSequence".split()
    )
    assert [after[keyword] for keyword in kept] == [before[keyword] for keyword in kept]


def test_the_file_says_how_it_was_deidentified(tmp_path, run):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    (written,) = run(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(written)
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert written.name == f"{dataset.SOPInstanceUID}.dcm"
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def test_dciodvfy_finds_no_error(tmp_path, run, dciodvfy):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    (written,) = run(tmp_path / "a.dcm")
    said = subprocess.run([dciodvfy, written], capture_output=True, text=True).stderr
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_images_of_one_patient_and_study_stay_together(tmp_path, run):
    for view in ("CC", "MLO"):
        write_mammogram(tmp_path / "in" / f"{view}.dcm", PIXELS, view=view)
    before = [pydicom.dcmread(path) for path in sorted((tmp_path / "in").iterdir())]
    after = [pydicom.dcmread(path) for path in run(tmp_path / "in")]
    assert len({dataset.PatientID for dataset in after}) == len({dataset.StudyInstanceUID for dataset in after}) == 1
    assert len({dataset.SeriesInstanceUID for dataset in after}) == 2
    assert not {dataset.StudyInstanceUID for dataset in before} & {dataset.StudyInstanceUID for dataset in after}


def test_a_second_run_gives_the_same_file(tmp_path, run, capsys):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    (first,) = run(tmp_path / "a.dcm")
    (second,) = run(tmp_path / "a.dcm", output="again")
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())
    run(tmp_path / "a.dcm")
    assert "0 written, 1 kept, 0 refused" in capsys.readouterr().out


def test_names_of_the_map_are_used_whatever_the_key(tmp_path, run):
    source = write_mammogram(tmp_path / "a.dcm", PIXELS)
    (first,) = run(tmp_path / "a.dcm")
    (second,) = run(tmp_path / "a.dcm", output="again", key_file=tmp_path / "keys" / "another")
    assert first.name == second.name
    content = json.loads((tmp_path / "keys" / "map.json").read_text())
    assert content["uids"][source.SOPInstanceUID] == first.stem
    assert content["patients"] == {"PHANTOM-0001": pydicom.dcmread(first).PatientID}


def test_the_map_is_for_its_owner_only(tmp_path, run):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    run(tmp_path / "a.dcm")
    map_file = tmp_path / "keys" / "map.json"
    assert map_file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in map_file.parent.iterdir()) == ["key", "map.json"]
    map_file.chmod(0o644)
    with pytest.raises(MammosegError, match="chmod 600"):
        run(tmp_path / "a.dcm", output="other")


def test_a_damaged_map_is_not_overwritten(tmp_path, run):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "map.json").touch(0o600)
    with pytest.raises(MammosegError, match="damaged"):
        run(tmp_path / "a.dcm")


def test_a_map_among_the_results_is_a_wrong_call(tmp_path, run):
    with pytest.raises(WrongCallError, match="given away"):
        run(tmp_path / "a.dcm", map_file=tmp_path / "out" / "map.json")


@pytest.mark.parametrize("value", ["YES", " YES", "YES ", "yes", "Y", "TRUE", "UNKNOWN"])
def test_burned_in_text_is_refused_and_the_others_go_on(tmp_path, run, capsys, value):
    with pydicom.config.disable_value_validation():
        write_mammogram(tmp_path / "in" / "a.dcm", PIXELS, attributes={"BurnedInAnnotation": value})
    write_mammogram(tmp_path / "in" / "b.dcm", PIXELS, view="MLO")
    with pytest.raises(PartlyRefusedError):
        run(tmp_path / "in")
    assert f"{tmp_path / 'in' / 'a.dcm'}: E_BURNED_IN: " in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("value", ["NO", " NO", "NO "])
def test_a_file_that_says_no_however_padded_is_done_without_a_warning(tmp_path, run, capsys, value):
    with pydicom.config.disable_value_validation():
        write_mammogram(tmp_path / "a.dcm", PIXELS, attributes={"BurnedInAnnotation": value})
    run(tmp_path / "a.dcm")
    assert "WARNING" not in capsys.readouterr().err


def test_bits_above_bits_stored_are_cleared(tmp_path, run):
    marked = PIXELS | np.resize(np.frombuffer(b"CANARY", np.uint8) % 16, PIXELS.shape) << 12
    write_mammogram(tmp_path / "a.dcm", PIXELS, attributes={"PixelData": marked.astype("<u2").tobytes()})
    (written,) = run(tmp_path / "a.dcm")
    assert pydicom.dcmread(written).PixelData == PIXELS.astype("<u2").tobytes()


def test_a_stream_that_cannot_be_followed_is_refused(tmp_path, run, capsys):
    dataset = write_mammogram(tmp_path / "a.dcm", PIXELS, transfer_syntax=JPEG2000Lossless)
    dataset.PixelData = encapsulate([join_fragments(dataset.PixelData)[:-2]])
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(NothingUsableError):
        run(tmp_path / "a.dcm")
    assert "E_COMPRESSION: the compressed stream cannot be followed to its end" in capsys.readouterr().err


def test_a_file_silent_about_burned_in_text_is_done_with_a_warning(tmp_path, run, capsys):
    write_mammogram(tmp_path / "a.dcm", PIXELS, attributes={"BurnedInAnnotation": None})
    run(tmp_path / "a.dcm")
    assert "WARNING: 1 file without a word on text" in capsys.readouterr().err


def test_what_is_no_mammogram_is_refused(tmp_path, run):
    (tmp_path / "a.dcm").write_text("no DICOM")
    with pytest.raises(NothingUsableError):
        run(tmp_path / "a.dcm")


def test_modalities_in_one_text_have_commas_between_them_as_everywhere(tmp_path, run):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    assert len(run(tmp_path / "a.dcm", modalities="RG,MG")) == 1
    with pytest.raises(NothingUsableError):
        run(tmp_path / "a.dcm", output="others", modalities="RG,CR")


def test_other_content_under_a_uid_is_refused(tmp_path, run, capsys):
    write_mammogram(tmp_path / "a.dcm", PIXELS)
    (written,) = run(tmp_path / "a.dcm")
    written.write_bytes(b"other")
    with pytest.raises(NothingUsableError):
        run(tmp_path / "a.dcm")
    assert "E_DUPLICATE_UID" in capsys.readouterr().err
    assert written.read_bytes() == b"other"


def test_full_disk_ends_the_run_with_one_sentence_and_the_map_is_kept(tmp_path, run, monkeypatch, capsys):
    def no_space(*arguments):
        raise OSError(28, "No space left on device")

    for number in range(3):
        write_mammogram(tmp_path / f"{number}.dcm", PIXELS + number)
    monkeypatch.setattr("mammoseg.deidentification.deidentify._write_once", no_space)
    with pytest.raises(OutputError, match=r"\(No space left on device\); free space"):
        run(tmp_path / "0.dcm", tmp_path / "1.dcm", tmp_path / "2.dcm")
    assert "E_" not in capsys.readouterr().err
    assert len(json.loads((tmp_path / "keys" / "map.json").read_text())["patients"]) == 1


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter"])
def test_text_in_place_of_a_number_of_the_image_is_refused(tmp_path, run, keyword, capsys):
    write_canary(tmp_path / "a.dcm", PIXELS, after={keyword: MARK})
    with pytest.raises(NothingUsableError):
        run(tmp_path / "a.dcm")
    assert "E_ATTRIBUTE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keyword", "text"), [("KVP", MARK), ("ExposureTime", MARK), ("FilterMaterial", "Canary-Jones")]
)
def test_text_in_place_of_another_number_or_code_is_removed(tmp_path, run, keyword, text):
    write_canary(tmp_path / "a.dcm", PIXELS, after={keyword: text})
    (written,) = run(tmp_path / "a.dcm")
    assert keyword not in pydicom.dcmread(written)
