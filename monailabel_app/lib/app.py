"""MONAI Label's app as our routes see it."""

from typing import Any

from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask


class NamedTasks:
    """The tasks that MONAI Label 0.8.5 keeps in private members of an app; nothing else here names those."""

    _infers: dict[str, InferTask]  # private, of MONAI Label
    _trainers: dict[str, TrainTask]  # private, of MONAI Label
    _strategies: dict[str, Strategy]  # private, of MONAI Label
    _scoring_methods: dict[str, ScoringMethod]  # private, of MONAI Label
    _batch_infer: BatchInferTask  # private, of MONAI Label

    @property
    def infers(self) -> dict[str, InferTask]:
        """Models by name."""
        return self._infers

    @property
    def trainers(self) -> dict[str, TrainTask]:
        """Trainings by model."""
        return self._trainers

    @property
    def strategies(self) -> dict[str, Strategy]:
        """Which image next, by name."""
        return self._strategies

    @property
    def scoring_methods(self) -> dict[str, ScoringMethod]:
        """Scores of images, by name."""
        return self._scoring_methods

    @property
    def batch(self) -> BatchInferTask:
        """A model over many images."""
        return self._batch_infer

    outliners: dict[str, Any]
    """Interactive models by name, the one that answers by default first."""


class LabelApp(MONAILabelApp, NamedTasks):
    """An app with both; MONAI Label itself finds only a class whose own base is its `MONAILabelApp`."""
