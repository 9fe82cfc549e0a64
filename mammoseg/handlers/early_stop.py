"""Early stopping on the validation metric, as part of the trainer, with a state that resumes."""

from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from monai.engines import Evaluator


class EarlyStop:
    """Ends training when the key metric of the evaluator has not improved for `patience` validations.

    MONAI's `EarlyStopHandler` has to know the trainer when it is built, which a config cannot say without a cycle, and
    its count is lost when a run is resumed; this one attaches to the trainer after the `ValidationHandler`.

    Args:
        patience: validations without improvement before the end; None never ends early.
        evaluator: evaluator whose key metric decides.
        interval: epochs between two validations.
        lowest_is_best: whether the key metric improves by falling, as a loss does.
    """

    def __init__(
        self, patience: int | None, evaluator: Evaluator, *, interval: int = 1, lowest_is_best: bool = False
    ) -> None:
        self.patience = patience
        self.evaluator = evaluator
        self.interval = interval
        self.sign = -1 if lowest_is_best else 1
        self.stopping: EarlyStopping | None = None

    def attach(self, engine: Engine) -> None:
        """Watch the trainer `engine`."""
        if self.patience is not None:
            self.stopping = EarlyStopping(self.patience, self._read_score, trainer=engine)
            engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.stopping)

    def state_dict(self) -> dict[str, Any]:
        """Count and best score so far."""
        return dict(self.stopping.state_dict()) if self.stopping else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        if self.stopping and state:
            self.stopping.load_state_dict(state)

    @property
    def exhausted(self) -> bool:
        """Whether the patience had run out when the state was saved."""
        return self.stopping is not None and self.stopping.counter >= self.stopping.patience

    def _read_score(self, _: Engine) -> float:
        return self.sign * self.evaluator.state.metrics[self.evaluator.state.key_metric_name]
