"""A training ends when its validations stop improving, and counts on when it is resumed."""

from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events

from mammoseg.handlers.early_stop import EarlyStop


def count_epochs(scores, *, patience, state=None, **options):
    """Epochs until the end, of at most one a score, and the handler."""
    evaluator = SimpleNamespace(state=SimpleNamespace(metrics={}, key_metric_name="dice"))
    trainer = Engine(lambda engine, batch: None)
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda engine: evaluator.state.metrics.update(dice=scores[engine.state.epoch - 1])
    )
    stop = EarlyStop(patience, evaluator, **options)
    stop.attach(trainer)
    stop.load_state_dict(state or {})
    trainer.run([0], max_epochs=len(scores))
    return trainer.state.epoch, stop


@pytest.mark.parametrize(
    ("scores", "options", "epochs"),
    [
        ([0.1, 0.3, 0.2, 0.3, 0.2, 0.2], {"patience": 2}, 4),  # an equal score is no better one
        ([0.1, 0.3, 0.2, 0.4, 0.2, 0.2], {"patience": 2}, 6),
        ([3.0, 2.0, 2.5, 2.5, 9.0], {"patience": 2, "lowest_is_best": True}, 4),
        ([0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.3], {"patience": 1, "interval": 2}, 4),  # epochs 2 and 4 alone are looked at
        ([0.5, 0.1, 0.1, 0.1], {"patience": None}, 4),
    ],
)
def test_training_ends_after_as_many_validations_without_improvement(scores, options, epochs):
    assert count_epochs(scores, **options)[0] == epochs


def test_a_resumed_training_counts_on_from_the_best_before():
    _, stop = count_epochs([0.5, 0.4], patience=3)
    assert not stop.exhausted
    epochs, resumed = count_epochs([0.45, 0.45, 0.45], patience=3, state=stop.state_dict())
    assert epochs == 2 and resumed.exhausted


def test_without_patience_there_is_no_state_and_no_end():
    _, stop = count_epochs([0.5, 0.4], patience=None)
    assert stop.state_dict() == {} and not stop.exhausted
