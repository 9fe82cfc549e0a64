"""Every table of every paper is planned, one of each paper runs to its end, and no published number is made up."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.plans.cells import Course, list_cells
from mammoseg.plans.listing import print_tables
from mammoseg.plans.paper_table import build_plan, find_table, list_papers, list_tables
from mammoseg.plans.plan import make_plan
from mammoseg.plans.reproduce import reproduce
from tests.made_inbreast import Release, square
from tests.tiny_run import write_tiny_dataset
from tests.tiny_voc import write_tiny_voc

TABLES = [(table.paper, table.name) for paper in list_papers() for table in list_tables(paper)]


@pytest.mark.parametrize("budget", [None, "small"])
@pytest.mark.parametrize(("paper", "table"), TABLES)
def test_every_table_is_planned_and_every_config_of_it_is_built(paper, table, budget, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no data lies
    reproduce(paper, table, output=tmp_path / "out", dry_run=True, budget=budget)
    said = capsys.readouterr().out
    assert "every config was built, nothing was trained" in said or "nothing" in said
    if "nothing was trained" in said:
        assert all(f"--data {name}=FOLDER" in said for name in find_table(paper, table).words["datasets"])
    assert not (tmp_path / "out").exists()


def published(paper: str, table: str) -> dict[tuple[str, str], str]:
    cells = list_cells(find_table(paper, table), Course(None, Path(), {}))
    return {(cell["row"], cell["column"]): cell["published"] for cell in cells}


def test_published_numbers_are_those_of_the_cards():
    units, sections = published("sun2020", "units"), published("sarker2022", "table3")
    assert len(units) == 36 and all(units.values())
    assert units["Deep-Res", "DSC, %"] == "76.9 ± 0.7" and units["Deep-Res", "HAU"] == "3.16 ± 0.05"
    assert sections["ConnectedUNets++", "test, JI pooled"] == "0.33"
    assert sections["MultiResUNet", "training, accuracy, %"] == "99.89"
    assert published("sarker2022", "table4")["ConnectedUNets++", "HD <= 2.75, cases"] == "191"
    assert published("isosalo2022", "table2")["ResNet22UNet, INbreast", "Dice (SD)"] == "0.8430 ± 0.1091"
    assert published("vassilenko2022", "voc")["SE-fusion", "mIoU, %"] == "81.268"
    assert published("vassilenko2022", "voc")["SMP Unet", "mIoU, %"] == "62.111"


def test_a_number_that_is_not_known_here_stays_empty():
    alpha = published("sun2020", "alpha")
    assert alpha["alpha = 2", "DSC, %"] == "" and alpha["alpha = 1", "DSC, %"] == "81.8 ± 0.0"


def test_a_collection_may_have_several_folders_and_what_waits_for_a_failed_step_says_why(tmp_path):
    for name in ("pictures", "tables"):
        (tmp_path / name).mkdir()
    data = [f"cbis_ddsm={tmp_path / name}" for name in ("pictures", "tables")]
    with pytest.raises(MammosegError, match="first data/cbis_ddsm"):
        reproduce("sun2020", "comparison", data=data, output=tmp_path / "out", budget="tiny")
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert plan["datasets"]["cbis_ddsm"]["inputs"] == [str(tmp_path / "pictures"), str(tmp_path / "tables")]
    reasons = {cell["why"] for cell in cells(tmp_path / "out")}
    assert all(reason.startswith("waits for data/cbis_ddsm, which failed: ") for reason in reasons), reasons


def test_a_datalist_beside_another_folder_of_the_same_collection_is_refused(tmp_path):
    whole, other = write_tiny_dataset(tmp_path / "whole"), tmp_path / "other"
    other.mkdir()
    with pytest.raises(WrongCallError, match="--data cbis_ddsm is given twice"):
        reproduce("sun2020", "comparison", data=[f"cbis_ddsm={whole}", f"cbis_ddsm={other}"], output=tmp_path / "out")


def cells(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def check(cell: dict[str, str]) -> None:
    """A cell has a difference that fits its two numbers, or says why one is missing."""
    if cell["published"] and cell["measured"]:
        was, is_now = (float(cell[name].split()[0]) for name in ("published", "measured"))
        assert float(cell["difference"]) == pytest.approx(is_now - was, abs=0.051)
    else:
        assert cell["why"] and not cell["difference"]


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> str:
    return str(write_tiny_dataset(tmp_path_factory.mktemp("films")))


def test_a_table_of_sun_runs_to_its_end(films, tmp_path):
    reproduce("sun2020", "comparison", data=[f"cbis_ddsm={films}"], output=tmp_path, budget="tiny")
    rows = cells(tmp_path)
    for cell in rows:
        check(cell)
    assert sum(bool(cell["measured"]) for cell in rows) >= 12  # Dice, sensitivity and area of four networks
    dice = next(cell for cell in rows if (cell["row"], cell["column"]) == ("AUNet", "DSC, %"))
    assert dice["published"] == "81.8 ± 0.0" and dice["measured"].endswith("(2 runs)")
    assert dice["how"].startswith("tiny budget")
    page = (tmp_path / "index.html").read_text()
    assert "Sun et al. 2020, comparison" in page and "tiny budget" in page and dice["measured"] in page


def test_a_table_of_sarker_runs_to_its_end(films, tmp_path):
    reproduce("sarker2022", "table4", data=[f"cbis_ddsm={films}"], output=tmp_path, budget="tiny")
    rows = cells(tmp_path)
    for cell in rows:
        check(cell)
    cases = [cell["measured"] for cell in rows if cell["column"] == "DS >= 0.45, cases"]
    assert len(cases) == 2 and all(0 <= int(number) <= 3 for number in cases)


def test_a_table_of_isosalo_runs_to_its_end_with_inbreast_as_it_came(films, tmp_path):
    release = Release(tmp_path / "INbreast Release 1.0")
    for number in range(1, 4):  # the last has no mass, and is no part of the protocol
        release.add(number, f"{number:016d}", *[("Mass", square(at=(5, 5), side=12))] * (number < 3))
    data = [f"screening={films}", f"inbreast={release.write_table()}"]
    reproduce("isosalo2022", "table2", data=data, output=tmp_path / "out", budget="tiny")
    rows = cells(tmp_path / "out")
    assert len(rows) == 16 and all(cell["published"] and cell["measured"] for cell in rows)
    for cell in rows:
        check(cell)


def test_a_table_of_the_thesis_runs_to_its_end_from_the_collection_as_it_came(tmp_path):
    voc = write_tiny_voc(tmp_path)
    reproduce("vassilenko2022", "voc", data=[f"voc={voc}"], output=tmp_path / "out", budget="tiny")
    rows = {(cell["row"], cell["column"]): cell for cell in cells(tmp_path / "out")}
    assert 0 <= float(rows["SE-fusion", "mIoU, %"]["measured"]) < 100
    assert 0 <= float(rows["SMP Unet", "mIoU, %"]["measured"]) < 100
    counts = {name: rows[name, "parameters, M"]["measured"] for name in ("SE-fusion", "SMP Unet")}
    assert counts == {"SE-fusion": "202.42", "SMP Unet": "32.51"}  # of whole networks, whatever the budget
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert make_plan(plan, where="plan.json", folder=tmp_path).runs[0].chosen_on == "test"


def test_a_table_of_counts_needs_no_data_and_no_training(tmp_path):
    reproduce("sun2020", "size", output=tmp_path)
    rows = {(cell["row"], cell["column"]): cell for cell in cells(tmp_path)}
    aunet = rows["AUNet", "parameters, M"]
    assert (aunet["published"], aunet["measured"], aunet["difference"]) == ("75.5", "75.5", "+0.0")
    assert rows["UNet", "convolutions and linear layers"]["measured"] == "23"


def test_rows_whose_data_is_missing_stay_empty_and_say_so():
    table = find_table("sun2020", "inbreast")
    known = list_cells(table, Course(None, Path(), {"inbreast": {"dataset_dir": "/x"}}))
    reasons = {cell["row"]: cell["why"] for cell in known if cell["column"] == "DSC, %"}
    assert (
        reasons["AUNet, pre-trained"] == "no --data cbis_ddsm=FOLDER" and reasons["AUNet, scratch"] == "nothing was run"
    )


def test_without_a_table_all_are_listed_and_what_is_not_known_stands_behind_them(capsys):
    print_tables()
    said = capsys.readouterr().out
    tables, remarks = said.split("\n\n", 1)
    assert [tuple(line.split()[:2]) for line in tables.splitlines()[1:]] == TABLES
    assert "figures 4 and 5" in remarks and "sun2020 literal: rows and columns" in remarks


def test_the_list_needs_neither_torch_nor_monai():
    program = (
        "import sys\nfrom mammoseg.cli import run\nrun(['reproduce'])\n"
        "sys.exit(bool({'torch', 'monai'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_the_literal_variant_of_sun_cuts_dark_rows_and_columns_and_nothing_else():
    variant = build_plan(find_table("sun2020", "inbreast"), {"cbis_ddsm": {}, "inbreast": {}}, variant="literal")
    runs = {run["name"]: run["overrides"] for run in variant["runs"]}
    literal = {
        "preprocessing::crop_border": False,
        "preprocessing::crop_negligible": True,
        "preprocessing::crop_to_breast": False,
        "preprocessing::orient_left": False,
        "preprocessing::remove_background": False,
    }
    assert runs["unet-scratch"] == runs["unet-pre-trained-before"] == literal
    assert runs["unet-pre-trained"] == {}  # from the weights that it starts with
    assert variant["name"] == "sun2020-inbreast-literal"


def test_a_datalist_without_what_a_table_needs_is_refused_before_anything_is_trained(films, tmp_path):
    data = [f"inbreast={films}"]
    for dry_run in (True, False):
        with pytest.raises(
            WrongCallError,
            match=r"^unet, fusionnet, .* scored: 6 of 6 images \(first training-1\) have no mask of each",
        ):
            reproduce("sun2020", "patches", data=data, output=tmp_path / "out", dry_run=dry_run)
    with pytest.raises(WrongCallError, match="^unet-scratch, .* scored: unknown fold 3; known: 0, 1, 2"):
        reproduce("sun2020", "inbreast", data=data, output=tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        (("sun2021", "units"), {}, "unknown paper 'sun2021'; known: isosalo2022, sarker2022"),
        (
            ("sun2020", "table1"),
            {},
            "unknown table 'table1' of sun2020; known: comparison, units.*named by what it shows",
        ),
        (("sun2020", "units"), {}, "not one row has its data; this table takes --data cbis_ddsm=FOLDER"),
        (("sun2020", "units"), {"data": ["films"]}, "'films' names no data of this table"),
        (("sun2020", "units"), {"data": ["cbis_ddsm=nowhere"]}, "'nowhere' is not a folder"),
        (("isosalo2022", "table2"), {"data": ["screening=."]}, "has no datalist.json; write one with"),
        (("sun2020", "units"), {"budget": "huge"}, "unknown budget 'huge'; known: small, tiny"),
        (("sarker2022", "table3"), {"variant": "literal"}, "sarker2022 has no variant 'literal'; known: none"),
        (("sun2020", "units"), {"variant": "bare"}, "sun2020 has no variant 'bare'; known: literal"),
    ],
)
def test_a_wrong_call_is_one_sentence(call, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongCallError, match=said):
        reproduce(*call, **options)
