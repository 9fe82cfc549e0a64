"""Mean IoU of Pascal VOC: one confusion matrix over all pixels of a data set (Everingham et al. 2015, section 3.3)."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.metrics import ConfusionMatrix
from ignite.metrics.metric import reinit__is_reduced

from mammoseg.evaluation.tables import write_rows


class MeanIoU(ConfusionMatrix):
    """Mean over the classes of TP / (TP + FP + FN), each summed over all pixels of all images.

    A class that neither truth nor prediction has is left out; Ignite's `mIoU` counts it as 0. MONAI's `MeanIoUHandler`
    averages over images, which is another number. Pixels whose true class is no key of `classes` (VOC's border, 255) do
    not count.

    Args:
        classes: names by class number, as ``channel_def`` of metadata.json has them.
        output_transform: from the engine's output to lists of predicted and of true class maps.
        table: CSV file with the IoU of every class, written whenever the mean is computed; None writes none.
    Shape:
        class maps ``(1, H, W)``, of any size each.
    """

    def __init__(
        self, classes: Mapping[str, str], *, output_transform: Callable, table: Path | str | None = None
    ) -> None:
        super().__init__(len(classes), output_transform=output_transform)
        self.classes = classes
        self.table = None if table is None else Path(table)

    @reinit__is_reduced
    def update(self, output: Sequence[Sequence[torch.Tensor]]) -> None:
        for predicted, truth in zip(*output, strict=True):
            counts = truth < self.num_classes
            pairs = truth[counts].long() * self.num_classes + predicted[counts].long()
            matrix = torch.bincount(torch.as_tensor(pairs), minlength=self.num_classes**2)
            self.confusion_matrix += matrix.reshape(self.num_classes, -1).to(self.confusion_matrix)
            self._num_examples += 1

    def compute(self) -> float:
        matrix = super().compute()
        iou = compute_class_iou(matrix)
        mean = iou.nanmean().item()
        if self.table is not None and idist.get_rank() == 0:
            names = [self.classes[str(number)] for number in range(self.num_classes)]
            pixels = matrix.sum(dim=1).tolist()
            rows: list[dict[str, Any]] = [
                {"class": name, "iou": value, "true_pixels": count}
                for name, value, count in zip(names, iou.tolist(), pixels, strict=True)
            ]
            write_rows(self.table, [*rows, {"class": "mean", "iou": mean, "true_pixels": sum(pixels)}])
        return mean


def compute_class_iou(confusion: torch.Tensor) -> torch.Tensor:
    """IoU of each class, NaN for one that occurs nowhere.

    Args:
        confusion: pixels by true (row) and predicted (column) class, ``(classes, classes)``.
    """
    matrix = confusion.double()
    union = matrix.sum(dim=0) + matrix.sum(dim=1) - matrix.diagonal()
    return torch.where(union > 0, matrix.diagonal() / union, math.nan)
