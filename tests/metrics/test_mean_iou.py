"""Mean IoU over classes, summed over images first."""

import pytest
import torch
from ignite.engine import Engine
from ignite.metrics import ConfusionMatrix, mIoU

from mammoseg.metrics.mean_iou import MeanIoU, compute_class_iou

NAMES = {"0": "background", "1": "cat", "2": "dog"}
FIRST = (torch.tensor([[[0, 1, 1, 1]]]), torch.tensor([[[0, 1, 0, 255]]]))
SECOND = (torch.tensor([[[0, 0]]]), torch.tensor([[[0, 0]]]))
"""Predicted and true class maps (1, H, W). In all: background TP 3, FN 1; cat TP 1, FP 1; no dog."""


def metric() -> MeanIoU:
    return MeanIoU(NAMES, output_transform=lambda output: output)


def run(mean_iou: MeanIoU, *batches) -> float:
    engine = Engine(lambda _, batch: tuple(list(maps) for maps in zip(*batch, strict=True)))
    mean_iou.attach(engine, "iou")
    return engine.run(batches).metrics["iou"]


def test_pixels_of_all_images_are_summed_before_they_are_divided():
    assert run(metric(), [FIRST, SECOND]) == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_batches_and_sizes_of_images_do_not_matter():
    assert run(metric(), [FIRST], [SECOND]) == run(metric(), [FIRST, SECOND])


def test_a_class_that_occurs_nowhere_is_left_out():
    confusion = torch.tensor([[2, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert compute_class_iou(confusion).tolist() == pytest.approx([0.5, 1 / 3, float("nan")], nan_ok=True)


def test_a_class_that_is_predicted_only_counts_as_zero():
    assert run(metric(), [(torch.tensor([[[0, 2]]]), torch.tensor([[[0, 0]]]))]) == pytest.approx((1 / 2 + 0) / 2)


def test_it_equals_that_of_ignite_where_all_classes_occur():
    generator = torch.Generator().manual_seed(0)
    predicted, truth = (torch.randint(0, 3, (1, 20, 20), generator=generator) for _ in range(2))
    confusion = ConfusionMatrix(3)
    theirs = mIoU(confusion)
    confusion.update((torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2), truth))
    assert run(metric(), [(predicted, truth)]) == pytest.approx(theirs.compute().item())


def test_of_every_class_and_of_the_mean_there_is_a_row():
    mean_iou = metric()
    mean = run(mean_iou, [FIRST, SECOND])
    rows = [tuple(row.values()) for row in mean_iou.by_class]
    assert rows[:2] == [("background", 0.75, 4), ("cat", 0.5, 1)]
    assert rows[2] == ("dog", pytest.approx(float("nan"), nan_ok=True), 0)
    assert rows[3] == ("mean", mean, 5)
