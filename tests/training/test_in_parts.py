"""A batch in parts trains as the whole batch."""

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import IterationEvents, SupervisedTrainer
from torch import nn

from mammoseg.training.in_parts import InParts

IMAGES = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1, 1)


def trained(network: nn.Module, iteration_update=None, handlers=(), batches=1) -> SupervisedTrainer:
    """A trainer that has trained `network`, one step a batch, towards 0 everywhere, by half of the learning rate 1."""
    trainer = SupervisedTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=[{"image": IMAGES, "label": torch.zeros_like(IMAGES)}] * batches,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.5),
        loss_function=nn.MSELoss(),
        iteration_update=iteration_update,
    )
    for event, handler in handlers:
        trainer.add_event_handler(event, handler)
    trainer.run()
    return trainer


def of_weight_one() -> nn.Conv2d:
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(network.weight)
    return network


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 9])
def test_the_gradient_is_that_of_the_whole_batch_however_uneven_the_parts(parts):
    network = of_weight_one()
    trainer = trained(network, InParts(parts))
    # The loss of weight 1 is the mean of 1, 4, 9 and 16, which is 7.5; its gradient twice that.
    assert trainer.state.output[0]["loss"] == 7.5
    assert network.weight.grad.item() == 15
    assert network.weight.item() == 1 - 0.5 * 15


def test_two_parts_train_a_network_as_the_trainer_of_monai_does_a_whole_batch():
    weights = []
    for update in (None, InParts(2)):
        network = of_weight_one()
        trained(network, update, batches=3)
        weights.append(network.weight.item())
    assert weights[0] == weights[1] == (1 - 15 / 2) ** 3  # each step multiplies the weight by 1 - 7.5


def test_what_counts_steps_counts_batches_and_not_parts():
    steps: list[str] = []
    note = [(event, lambda _, name=event.value: steps.append(name)) for event in IterationEvents]
    trained(of_weight_one(), InParts(4), [*note, (Events.ITERATION_COMPLETED, lambda _: steps.append("end"))], 2)
    assert steps == ["backward_completed", "model_completed", "end"] * 2


def test_gradients_can_be_changed_before_the_step():
    network = of_weight_one()

    def halve(_: Engine) -> None:
        network.weight.grad /= 2

    trained(network, InParts(2), [(IterationEvents.BACKWARD_COMPLETED, halve)])
    assert network.weight.item() == 1 - 0.5 * 7.5
