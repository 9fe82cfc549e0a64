"""The table of classes that an evaluation leaves."""

import torch
from ignite.engine import Engine

from mammoseg.handlers.class_iou_table import ClassIoUTable
from mammoseg.metrics.mean_iou import MeanIoU


def test_the_table_has_a_line_for_every_class_and_one_for_the_mean(tmp_path):
    engine = Engine(lambda _, batch: batch)
    metric = MeanIoU({"0": "background", "1": "cat"}, output_transform=lambda output: output)
    metric.attach(engine, "iou")
    ClassIoUTable(tmp_path, metric=metric).attach(engine)
    engine.run([([torch.tensor([[[0, 1, 1, 1]]])], [torch.tensor([[[0, 1, 0, 255]]])])])
    assert (
        tmp_path / "class_iou.csv"
    ).read_text() == "class,iou,true_pixels\nbackground,0.5,2\ncat,0.5,1\nmean,0.5,3\n"
