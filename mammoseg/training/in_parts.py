"""A batch that is computed part by part: it takes the memory of a part, and trains as a whole."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from monai.engines import IterationEvents, SupervisedTrainer
from monai.utils.enums import CommonKeys
from torch import Tensor


class InParts:
    """An iteration of a `SupervisedTrainer` that adds up the gradients of the parts of its batch, then takes one step.

    A part counts by its share of the images. So the step is that of the whole batch where the loss is a mean over
    images; a loss with sums over a batch, and batch normalisation, see a part at a time. Of several processes each has
    its share of the recipe's batch, and their gradients are averaged after the last part.

    MONAI's own ``accumulation_steps`` makes an iteration of each part: a schedule, an average of weights or a bound on
    gradients, which count iterations, would take parts for steps, and the last step of an epoch would be of fewer.

    Args:
        parts: number of parts; of fewer images each is a part.
    """

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def __call__(self, engine: Any, batchdata: Any) -> Any:
        """Train on a batch; of each of its images: image ``(C, H, W)``, label ``(classes, H, W)``, the batch's loss."""
        trainer: SupervisedTrainer = engine
        device: Any = trainer.state.device
        image, label = trainer.prepare_batch(batchdata, device, trainer.non_blocking, **trainer.to_kwargs)
        parts = min(self.parts, len(image))
        trainer.network.train()
        trainer.optimizer.zero_grad(set_to_none=trainer.optim_set_to_none)
        losses = []
        for number, pair in enumerate(zip(image.tensor_split(parts), label.tensor_split(parts), strict=True), start=1):
            with _gradients_meet(trainer.network, last=number == parts):
                loss = self._compute_loss(trainer, *pair) * (len(pair[0]) / len(image))
                (trainer.scaler.scale(loss) if trainer.scaler else loss).backward()
            losses.append(loss.detach())
        trainer.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if trainer.scaler:
            trainer.scaler.step(trainer.optimizer)
            trainer.scaler.update()
        else:
            trainer.optimizer.step()
        loss = torch.stack(losses).sum()
        engine.state.output = {CommonKeys.IMAGE: image, CommonKeys.LABEL: label, CommonKeys.LOSS: loss}
        trainer.fire_event(IterationEvents.MODEL_COMPLETED)  # takes the output apart
        return engine.state.output

    @staticmethod
    def _compute_loss(trainer: SupervisedTrainer, image: Tensor, label: Tensor) -> Tensor:
        with torch.autocast("cuda", **trainer.amp_kwargs) if trainer.amp else nullcontext():
            return trainer.loss_function(trainer.inferer(image, trainer.network), label).mean()


def _gradients_meet(network: Any, *, last: bool) -> AbstractContextManager[Any]:
    """Whether those of all processes are averaged in this part; once for all parts is enough."""
    return nullcontext() if last or not hasattr(network, "no_sync") else network.no_sync()
