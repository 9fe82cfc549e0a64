"""Mean IoU of Pascal VOC: one confusion matrix over all pixels of a data set (Everingham et al. 2015, section 3.3)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from ignite.metrics import ConfusionMatrix
from ignite.metrics.metric import reinit__is_reduced


class MeanIoU(ConfusionMatrix):
    """Mean over the classes of TP / (TP + FP + FN), each summed over all pixels of all images.

    A class that neither truth nor prediction has is left out; Ignite's `mIoU` counts it as 0. MONAI's `MeanIoUHandler`
    averages over images, which is another number. Pixels whose true class is no key of `classes` (VOC's border, 255) do
    not count.

    Args:
        classes: names by class number, as ``channel_def`` of metadata.json has them.
        output_transform: function from the engine's output to lists of predicted and of true class maps.
    Attributes:
        by_class: parts of the last mean: for each class its name, IoU and number of true pixels, then those of all.
    Shape:
        class maps ``(1, H, W)``, of any size each.
    """

    def __init__(self, classes: Mapping[str, str], *, output_transform: Callable) -> None:
        super().__init__(len(classes), output_transform=output_transform)
        self.classes = classes
        self.by_class: list[dict[str, Any]] = []

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
        names = [*(self.classes[str(number)] for number in range(self.num_classes)), "mean"]
        pixels = matrix.sum(dim=1).tolist()
        self.by_class = [
            {"class": name, "iou": value, "true_pixels": count}
            for name, value, count in zip(names, [*iou.tolist(), mean], [*pixels, sum(pixels)], strict=True)
        ]
        return mean


def compute_class_iou(confusion: torch.Tensor) -> torch.Tensor:
    """IoU of each class, NaN for one that occurs nowhere.

    Args:
        confusion: pixels by true (row) and predicted (column) class, ``(classes, classes)``.
    """
    matrix = confusion.double()
    union = matrix.sum(dim=0) + matrix.sum(dim=1) - matrix.diagonal()
    return torch.where(union > 0, matrix.diagonal() / union, math.nan)
