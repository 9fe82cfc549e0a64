"""Which of two epochs is better."""

import pytest

from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.training.best import is_better, lowest_is_best
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset


@pytest.mark.parametrize(
    ("name", "lowest"), [("val_loss", True), ("val_hausdorff_distance", True), ("val_mean_dice", False)]
)
def test_of_losses_and_distances_the_lowest_is_best(name, lowest):
    assert lowest_is_best([name]) is lowest


def test_nothing_compares_as_better_with_what_is_no_number():
    for lowest in (False, True):
        assert not is_better(lowest=lowest)(float("nan"), 0.5)
    assert is_better(lowest=True)(0.4, 0.5) and not is_better(lowest=False)(0.4, 0.5)


def test_a_run_judged_by_its_loss_keeps_the_weights_of_the_lowest(tmp_path):
    dataset = write_tiny_dataset(tmp_path / "data")
    overrides = tiny_overrides(dataset, tmp_path, spatial_size=[64, 64], max_epochs=4, encoder_weights=None)
    overrides |= {"network_def::channels": 2, "early_stop_patience": 1, "train::random_transforms": []}
    workflow("resnet22_unet", **overrides).run()
    rows = read_checkpoint(tmp_path / "models" / "checkpoint.pt")["training_log"]["rows"]
    best = min(rows, key=lambda row: row["val_loss"])
    validation = read_checkpoint(tmp_path / "models" / "model.pt")["provenance"]["validation"]
    assert validation == {"epoch": best["epoch"], "val_loss": best["val_loss"]}
    assert all(0 < row["val_loss"] <= 1 and 0 <= row["val_mean_dice"] <= 1 for row in rows)
    fell = [row["val_loss"] for row in rows]
    assert len(rows) == 4 or fell[-1] >= min(fell[:-1]), "it stops early only where the loss does not fall"
