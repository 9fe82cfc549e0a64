"""`ingest` as a whole: wrong calls, what is hidden, what is counted, and what lies in the folder."""

import json
import shutil
from contextlib import suppress

import cv2
import numpy as np
import pytest

from mammoseg.data import phantom
from mammoseg.data.datalist import SECTIONS, read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.mask_files import fit_to_grid, write_mask, write_masses
from mammoseg.data.sources import SOURCES
from mammoseg.errors import InputRefusedError, NothingUsableError, StoppedError, WrongCallError
from mammoseg.mammogram import MOST_MASSES


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
    with pytest.raises(NothingUsableError, match="folder: there is no image in the input") as raised:
        ingest("folder", str(tmp_path / "in"), output=str(tmp_path / "out"), keep_identifiers=True)
    assert raised.value.exit_code == 3
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"datalist.json": "old"}


def test_a_refused_split_takes_back_what_was_written_and_nothing_that_stood_there(tmp_path):
    stood = [tmp_path / "out" / name for name in ("masks", "images/mine.png", "notes.txt")]
    stood[0].mkdir(parents=True)
    stood[1].parent.mkdir()
    for file in stood[1:]:
        file.touch()
    for folder in ("out", "new"):
        with pytest.raises(WrongCallError, match="1 patient"):
            ingest("phantom", output=str(tmp_path / folder), patients=1, size=256)
    assert all(path.exists() for path in stood)
    assert not (tmp_path / "out" / "labels").exists() and not (tmp_path / "new").exists()


def test_ctrl_c_takes_back_what_was_written(tmp_path, monkeypatch):
    drawn = phantom._write_patient

    def draw_or_stop(output, number, *how):
        if number == 1:
            raise KeyboardInterrupt
        return drawn(output, number, *how)

    monkeypatch.setattr(phantom, "_write_patient", draw_or_stop)
    with pytest.raises(StoppedError, match="^stopped before the datalist was written; what it had made is removed"):
        ingest("phantom", output=str(tmp_path / "new"), patients=3, size=256)
    assert not (tmp_path / "new").exists()
    (tmp_path / "out" / "images").mkdir(parents=True)
    with pytest.raises(StoppedError):
        ingest("phantom", output=str(tmp_path / "out"), patients=3, size=256)
    assert list((tmp_path / "out").rglob("*")) == [tmp_path / "out" / "images"]


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
    assert (fit_to_grid(mask, (12, 12), note=print) == expected).all()
    assert (fit_to_grid(expected, (4, 4), note=print) == mask).all()


def test_a_mask_of_another_aspect_is_refused():
    with pytest.raises(InputRefusedError, match="mask is 100 x 100, its image 100 x 102: not the same aspect"):
        fit_to_grid(np.zeros((100, 100), np.uint8), (100, 102), note=print)


def test_more_masses_than_an_image_may_have_are_not_written(tmp_path):
    masks = [np.ones((2, 2), np.uint8)] * (MOST_MASSES + 1)
    with pytest.raises(InputRefusedError, match="E_MASK_COUNT"):
        write_masses(tmp_path, "a", masks, shape=(2, 2))
    assert list(tmp_path.iterdir()) == []


def test_a_mask_is_written_as_0_and_255(tmp_path):
    write_mask(tmp_path / "masks" / "m.png", np.eye(3, dtype=np.uint8))
    assert (cv2.imread(str(tmp_path / "masks" / "m.png"), cv2.IMREAD_UNCHANGED) == np.eye(3) * 255).all()
    assert len(list((tmp_path / "masks").iterdir())) == 1


def tiny_films(folder, patients, with_masks=True):
    """A folder with two pictures of each patient, each with its mask if wanted; returns the folder."""
    folder.mkdir()
    for patient in range(patients):
        for view in ("CC", "MLO"):
            image = np.full((16, 12), 10 * patient + 5, np.uint8)
            image[:, 8:] = 0
            mask = np.zeros((16, 12), np.uint8)
            mask[4:7, 2:5] = 255
            cv2.imwrite(str(folder / f"p{patient}_{view}.png"), image)
            if with_masks:
                cv2.imwrite(str(folder / f"p{patient}_{view}_mask.png"), mask)
    return folder


def masks_at(folder, patients, row):
    """A folder with two masks, from a row on, of each picture of `tiny_films`; returns its name."""
    folder.mkdir()
    for name in (f"p{patient}_{view}" for patient in range(patients) for view in ("CC", "MLO")):
        for lesion in (1, 2):
            mask = np.zeros((16, 12), np.uint8)
            mask[row : row + 2, 4 * lesion - 3 : 4 * lesion - 1] = 255
            cv2.imwrite(str(folder / f"{name}_mask_{lesion}.png"), mask)
    return str(folder)


def rows_of_masks(output):
    """First row with mass of every label that the datalist names; None where there is no datalist."""
    if not (output / "datalist.json").exists():
        return None
    records = [record for section in SECTIONS for record in read_datalist(output / "datalist.json")[section]]
    return {int(cv2.imread(str(output / record["label"]), 0).any(axis=1).argmax()) for record in records}


def test_a_refused_run_leaves_the_old_datalist_with_its_masks(tmp_path):
    films, out = tiny_films(tmp_path / "in", 3, with_masks=False), tmp_path / "out"
    ingest("folder", str(films), output=str(out), masks=masks_at(tmp_path / "old", 3, 2), **BY_NAME)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(WrongCallError, match="500"):
        ingest("folder", str(films), output=str(out), masks=masks_at(tmp_path / "new", 3, 9), folds=500, **BY_NAME)
    assert rows_of_masks(out) == {2} and {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize("moved", [0, 1, 5, 7, 8])
def test_no_datalist_names_masks_of_another_run_wherever_it_is_broken_off(moved, tmp_path, monkeypatch):
    films, out = tiny_films(tmp_path / "in", 3, with_masks=False), tmp_path / "out"
    ingest("folder", str(films), output=str(out), masks=masks_at(tmp_path / "old", 3, 2), **BY_NAME)
    new, move, moves = masks_at(tmp_path / "new", 3, 9), shutil.move, iter(range(100))

    def move_or_stop(*paths):
        if next(moves) == moved:
            raise SystemExit
        move(*paths)

    monkeypatch.setattr(shutil, "move", move_or_stop)
    with suppress(SystemExit):
        ingest("folder", str(films), output=str(out), masks=new, **BY_NAME)
    assert rows_of_masks(out) == ({9} if moved == 8 else None), "six masks, the report, the datalist"
    monkeypatch.setattr(shutil, "move", move)
    ingest("folder", str(films), output=str(out), masks=new, **BY_NAME)
    assert rows_of_masks(out) == {9} and not list(out.glob(".*"))


def counts(output):
    datalist = read_datalist(output / "datalist.json")
    return tuple(len(datalist[section]) for section in ("training", "validation", "test")), datalist.get("split")


BY_NAME = {"patient_regex": "^([^_]+)_", "keep_identifiers": True}


def test_a_set_of_one_patient_can_be_for_testing_only(tmp_path):
    films = tiny_films(tmp_path / "in", 1)
    with pytest.raises(WrongCallError, match="patients found: 1, needed: 3"):
        ingest("folder", str(films), output=str(tmp_path / "out"), **BY_NAME)
    ingest("folder", str(films), output=str(tmp_path / "out"), all_in="test", **BY_NAME)
    assert counts(tmp_path / "out") == ((0, 0, 2), {"by": "patient", "all": "test"})


def test_shares_are_written_beside_what_they_gave(tmp_path):
    films = tiny_films(tmp_path / "in", 5)
    ingest("folder", str(films), output=str(tmp_path / "out"), shares=(0.8, 0.2, 0), **BY_NAME)
    assert counts(tmp_path / "out") == ((8, 2, 0), {"by": "patient", "shares": [0.8, 0.2, 0]})


def test_the_default_split_is_not_described(tmp_path):
    ingest("folder", str(tiny_films(tmp_path / "in", 5)), output=str(tmp_path / "out"), **BY_NAME)
    assert counts(tmp_path / "out") == ((6, 2, 2), None)


def test_a_split_by_image_warns_and_names_who_was_divided(tmp_path, capsys):
    films = tiny_films(tmp_path / "in", 3)
    ingest("folder", str(films), output=str(tmp_path / "out"), shares=(1, 1, 0), by="image", **BY_NAME)
    divided = json.loads((tmp_path / "out" / "ingest_report.json").read_text())["noted"]["patients in several sections"]
    assert f"WARNING: split by image, {len(divided)} patient" in capsys.readouterr().err and divided
    assert counts(tmp_path / "out") == ((3, 3, 0), {"by": "image", "shares": [1, 1, 0]})


def test_a_protocol_says_what_it_cannot_know(tmp_path, capsys):
    films = tiny_films(tmp_path / "in", 10)
    ingest("folder", str(films), output=str(tmp_path / "out"), protocol="isosalo2022", **BY_NAME)
    assert "Protocol isosalo2022: five folds over the training part" in capsys.readouterr().out
    assert counts(tmp_path / "out") == (
        (16, 0, 4),
        {"by": "patient", "shares": [0.8, 0, 0.2], "protocol": "isosalo2022"},
    )


def test_two_rules_at_once_are_refused(tmp_path):
    with pytest.raises(WrongCallError, match="isosalo2022 says who goes where; leave --all or --protocol out"):
        ingest("phantom", output=str(tmp_path / "out"), protocol="isosalo2022", all_in="test")
    with pytest.raises(WrongCallError, match="nothing to share"):
        ingest("phantom", output=str(tmp_path / "out"), shares=(1, 0, 0), all_in="test")
