import json

import cv2
import numpy as np
import pytest

from mammoseg.data.datalist import read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.mask_files import fit_to_grid, write_mask
from mammoseg.data.sources import SOURCES
from mammoseg.errors import InputRefusedError, NothingUsableError, WrongCallError


def test_an_unknown_source_names_the_known_ones(tmp_path):
    with pytest.raises(WrongCallError, match="unknown source 'inbrest'; known: cbis_ddsm, .*folder, .*phantom"):
        ingest("inbrest", output=str(tmp_path))


def test_an_unknown_option_names_those_of_the_source(tmp_path):
    with pytest.raises(WrongCallError, match="phantom has no option 'patient'; it has: patients, size"):
        ingest("phantom", output=str(tmp_path), patient=3)


@pytest.mark.parametrize("source", ["folder", "cbis_ddsm"])
def test_a_missing_input_is_a_wrong_call(source, tmp_path):
    with pytest.raises(WrongCallError, match="no input given"):
        ingest(source, output=str(tmp_path))
    with pytest.raises(WrongCallError, match="nowhere' is not a folder"):
        ingest(source, str(tmp_path / "nowhere"), output=str(tmp_path))


def test_an_output_inside_the_input_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="lies in the input"):
        ingest("cbis_ddsm", str(tmp_path), output=str(tmp_path / "out"))


def test_an_empty_folder_ends_with_exit_code_3_and_leaves_an_old_datalist(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "datalist.json").write_text("old")
    with pytest.raises(
        NothingUsableError, match="folder: no image could be used, 0 skipped; .*ingest_report.json"
    ) as raised:
        ingest("folder", str(tmp_path / "in"), output=str(tmp_path / "out"), keep_identifiers=True)
    assert raised.value.exit_code == 3
    assert (tmp_path / "out" / "datalist.json").read_text() == "old"


def test_phantoms_become_a_datalist_whose_files_exist(tmp_path):
    ingest("phantom", output=str(tmp_path), patients=3, size=256, seed=5, name="tiny")
    datalist = read_datalist(tmp_path / "datalist.json")
    records = [record for section in ("training", "validation", "test") for record in datalist[section]]
    assert (datalist["name"], datalist["source"], datalist["seed"], len(records)) == ("tiny", "phantom", 5, 6)
    assert all((tmp_path / record[key]).is_file() for record in records for key in ("image", "label"))


def test_phantom_takes_no_input(tmp_path):
    with pytest.raises(WrongCallError, match="takes no input"):
        ingest("phantom", str(tmp_path), output=str(tmp_path))


def test_the_key_is_not_touched_for_public_codes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(WrongCallError):
        ingest("cbis_ddsm", output=str(tmp_path))
    assert not (tmp_path / "config").exists()


def test_the_report_holds_what_was_used(tmp_path):
    ingest("phantom", output=str(tmp_path), patients=3, size=256)
    report = json.loads((tmp_path / "ingest_report.json").read_text())
    assert report == {
        "source": "phantom",
        "used": {"training": 2, "validation": 2, "test": 2},
        "skipped": {},
        "noted": {},
    }


def test_only_sources_of_own_images_hide_patient_codes():
    assert {name for name, source in SOURCES.items() if not source.has_public_codes} == {"folder", "dicom_seg"}


def test_a_mask_is_scaled_on_pixel_centres():
    mask = np.zeros((4, 4), np.uint8)
    mask[1, 2] = 1
    expected = np.kron(mask, np.ones((3, 3), np.uint8))
    assert (fit_to_grid(mask, (12, 12)) == expected).all()
    assert (fit_to_grid(expected, (4, 4)) == mask).all()


def test_a_mask_of_another_aspect_is_refused():
    with pytest.raises(InputRefusedError, match="mask is 100 x 100, its image 100 x 102: not the same aspect"):
        fit_to_grid(np.zeros((100, 100), np.uint8), (100, 102))


def test_a_mask_is_written_as_0_and_255(tmp_path):
    write_mask(tmp_path / "masks" / "m.png", np.eye(3, dtype=np.uint8))
    assert (cv2.imread(str(tmp_path / "masks" / "m.png"), cv2.IMREAD_UNCHANGED) == np.eye(3) * 255).all()
    assert len(list((tmp_path / "masks").iterdir())) == 1
