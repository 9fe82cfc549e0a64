"""The handler on MONAI's own evaluator, whose network hands the image on as the probability."""

import json
import math

import ignite.distributed as idist
import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.evaluation import scored_image
from mammoseg.evaluation.tables import EVALUATION, read_per_image, read_provenance
from mammoseg.handlers.per_image_report import PerImageReport, _merge_in_order
from mammoseg.metrics.regions import list_mass_regions

PROBABILITY = torch.tensor([[[0.0, 0.2, 0.5, 0.9]]])  # (1, H, W): at 0.5 the last two pixels are mass
LABEL = torch.tensor([[[0.0, 0.0, 0.0, 1.0]]])


def make_item(image_id, **changes):
    identity = {"image_id": image_id, "patient_id": "P1", "laterality": "L", "view": "CC"}
    return identity | {"image": PROBABILITY, "label": LABEL} | changes


def add_original_grid(item):
    """What the training configuration's postprocessing does: the same masks, each pixel twice as high and wide."""
    doubled = {f"{key}_original": np.kron(item[key].numpy(), np.ones((1, 2, 2))) for key in ("pred", "label")}
    return item | doubled


def evaluate(items, folder, *, postprocessing=None, batch_size=2, **options):
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(items, batch_size=batch_size),
        network=torch.nn.Identity(),
        postprocessing=postprocessing,
    )
    PerImageReport(folder, **options).attach(evaluator)
    evaluator.run()
    return read_per_image(folder / "per_image.csv")


def test_every_image_has_a_row_with_its_identity(tmp_path):
    rows = evaluate([make_item("a"), make_item("b"), make_item("c", view="MLO", patient_id="P2")], tmp_path)

    assert [(row["image_id"], row["patient_id"], row["view"]) for row in rows] == [
        ("a", "P1", "CC"),
        ("b", "P1", "CC"),
        ("c", "P2", "MLO"),
    ]


def test_probability_equal_to_the_threshold_is_mass(tmp_path):
    (row,) = evaluate([make_item("a")], tmp_path)

    assert row["dice"] == pytest.approx(2 / 3)


def test_threshold_can_be_changed(tmp_path):
    (row,) = evaluate([make_item("a")], tmp_path, threshold=0.6)

    assert row["dice"] == 1


def test_both_grids_are_scored_and_labelled(tmp_path):
    shifted = make_item("a", image=PROBABILITY.flip(-1), pixel_spacing_mm=[0.1, 0.1])

    network, original = evaluate([shifted], tmp_path, postprocessing=add_original_grid)

    assert (network["grid"], network["hausdorff_px"]) == ("network", 3)
    assert (original["grid"], original["hausdorff_px"]) == ("original", 6)


def test_distance_in_mm_is_that_of_the_original_grid(tmp_path):
    shifted = make_item("a", image=PROBABILITY.flip(-1), pixel_spacing_mm=[0.1, 0.1])

    network, original = evaluate([shifted], tmp_path, postprocessing=add_original_grid)

    assert np.isnan(network["hausdorff_mm"]) and original["hausdorff_mm"] == pytest.approx(0.6)


def test_image_without_mass_is_marked(tmp_path):
    (row,) = evaluate([make_item("a", label=torch.zeros(1, 1, 4))], tmp_path)

    assert row["has_mass"] is False and row["false_positive_area_px"] == 2


def test_summary_carries_the_provenance(tmp_path):
    evaluate([make_item("a")], tmp_path, provenance={"commit": "abc"})

    assert json.loads((tmp_path / "summary.json").read_text())["provenance"] == {"commit": "abc"}


def test_second_run_replaces_the_rows_of_the_first(tmp_path):
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"), val_data_loader=DataLoader([make_item("a")]), network=torch.nn.Identity()
    )
    report = PerImageReport(tmp_path)
    report.attach(evaluator)

    evaluator.run()
    evaluator.run()

    assert len(report.images) == 1


def test_marks_are_those_of_the_probability_before_the_threshold(tmp_path):
    low = torch.zeros(1, 16, 16)
    low[0, 2:6, 2:6] = 0.3  # on the mass, below the threshold of 0.5
    label = (low > 0).float()
    empty = make_item("b", image=low, label=torch.zeros(1, 16, 16), patient_id="P2")

    first, second = evaluate([make_item("a", image=low, label=label), empty], tmp_path)

    assert (first["masses"], first["missed_masses"], first["dice"]) == (1, 1, 0)
    assert (second["masses"], second["false_positive_area_px"]) == (0, 0)
    content = json.loads((tmp_path / "summary.json").read_text())
    assert content["masses"] == [{"grid": "network", "masses": 1, "missed_masses": 1}]
    half = next(row for row in content["froc"] if (row["rule"], row["false_positives"]) == ("centre", 0.5))
    assert (half["sensitivity"], half["images"]) == (1.0, 2)  # found at 0.3, where the empty image has a mark, too
    assert content["calibration"] == [{"grid": "network", "marks": 2, "expected_calibration_error": pytest.approx(0.2)}]


def test_facts_of_the_datalist_go_into_the_row_and_unknown_ones_do_not(tmp_path):
    known = make_item("a", birads=0, subtlety=3, margin="SPICULATED", vendor="")
    unknown = make_item("b", birads=math.nan, subtlety=math.nan, margin="", vendor="Maker")

    first, second = evaluate([known, unknown], tmp_path)

    assert (first["birads"], first["subtlety"], first["margin"], "vendor" in first) == (0, 3, "SPICULATED", False)
    assert ("birads" in second, "subtlety" in second, "margin" in second, second["vendor"]) == (
        False,
        False,
        False,
        "Maker",
    )


def test_masses_one_by_one_are_counted_as_such(tmp_path):
    halves = np.zeros((2, 1, 4))
    halves[0, 0, 2] = halves[1, 0, 3] = 1
    label = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])

    def add_lesions(item):
        return item | {"lesions": list_mass_regions(halves)}

    (row,) = evaluate([make_item("a", label=label)], tmp_path, threshold=0.6, postprocessing=add_lesions)

    assert (row["masses"], row["missed_masses"]) == (2, 1)  # touching; only the last pixel is above 0.6


def test_where_the_curve_ends_the_cell_is_empty_and_says_why(tmp_path):
    evaluate([make_item("a")], tmp_path)  # its one mark, on the mass, is no false one
    (line,) = [
        line for line in (tmp_path / "froc.csv").read_text().splitlines() if line.startswith("network,either,2.0")
    ]
    assert line == 'network,either,2.0,,,,1,1,"the curve ends at 0.000 false marks an image, with 1.000 found"'


def test_batches_of_16_are_counted_off_in_the_order_given(tmp_path):
    rows = evaluate([make_item(f"{30 - number:02}") for number in range(18)], tmp_path, batch_size=5)
    assert {row["image_id"]: row["batch"] for row in rows} == {
        f"{30 - number:02}": 1 if number < 16 else 2 for number in range(18)
    }


def test_item_without_identity_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no 'image_id'; the datalist record must reach"):
        evaluate([{"image": PROBABILITY, "label": LABEL}], tmp_path)


def evaluate_a_share(_local_rank, folder):
    share = [["a", "c"], ["b", "a"]][idist.get_rank()]  # a sampler that fills up repeats "a"
    torch.manual_seed(0)
    evaluate_quietly(share, folder)


def evaluate_quietly(image_ids, folder):
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader([make_item(image_id) for image_id in image_ids]),
        network=torch.nn.Identity(),
    )
    PerImageReport(folder).attach(evaluator)
    evaluator.run()


def test_two_processes_write_every_image_once(tmp_path):
    idist.spawn("gloo", evaluate_a_share, args=(tmp_path,), nproc_per_node=2, start_method="fork")

    assert [row["image_id"] for row in read_per_image(tmp_path / "per_image.csv")] == ["a", "b", "c"]


def test_images_of_several_processes_are_put_back_in_the_order_of_the_datalist():
    dealt = [[[({"image_id": name}, {})] for name in share] for share in (["a", "c", "e"], ["b", "d", "a"])]
    assert [image[0][0]["image_id"] for image in _merge_in_order(dealt)] == ["a", "b", "c", "d", "e"]


def test_scores_that_cannot_be_written_are_printed(tmp_path, capsys):
    def occupy(item):
        (tmp_path / "scores").touch()  # a file where the folder would be made
        return item

    with pytest.raises(MammosegError, match="the tables cannot be written to .*; what they would say of Dice stands"):
        evaluate([make_item("a")], tmp_path / "scores", postprocessing=occupy)
    assert capsys.readouterr().out == (
        "Dice 0.667 on the network grid, mean of 1 image\n"
        "Dice pooled over batches of 16 0.667 on the network grid, mean of 1 batch\n"
    )


def test_folder_that_cannot_be_written_to_stops_before_the_first_image(tmp_path):
    (tmp_path / "scores").touch()
    with pytest.raises(WrongCallError, match="cannot be written to .Not a directory."):
        evaluate([make_item("a")], tmp_path / "scores", postprocessing=pytest.fail)


@pytest.mark.parametrize("at", ["write_per_image", "write_marks", "write_lesion_tables", "write_summary"])
def test_what_is_broken_off_stands_beside_no_table_of_an_earlier_run(at, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    item = make_item("a", image=1 - PROBABILITY)
    evaluate([item], tmp_path, threshold=0.5, provenance={"threshold": 0.5})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.keys() == {*EVALUATION}
    monkeypatch.setattr(scored_image, at, stop)
    with pytest.raises(KeyboardInterrupt):
        evaluate([make_item("b")], tmp_path, threshold=0.2, provenance={"threshold": 0.2})
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "summary.json" not in left and read_provenance(tmp_path) == {}
    assert not [name for name, content in left.items() if content == before[name] and name.endswith(".csv")]
