"""Settings of the strategies out of `--conf key value`."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from monailabel_app.lib.conf import read_model_name, read_whole_number, read_yes_or_no


@dataclass(frozen=True)
class StrategySettings:
    """How images are scored and given out.

    Attributes:
        model: name of the one that scores where a request names none; None takes the first that has weights.
        max_scored: images that one request scores at most; each takes a second or so on a CPU.
        group: whether views of one patient are kept apart where a request says nothing.
        samples: passes with dropout on.
        seed: start of the dropout, of ``random``, and of the order in which missing scores are made up for.
    """

    model: str | None = None
    max_scored: int = 8
    group: bool = True
    samples: int = 8
    seed: int = 0

    @classmethod
    def from_conf(cls, conf: Mapping[str, str], models: Container[str]) -> "StrategySettings":
        """Read and check ``strategy_model``, ``max_scored``, ``group``, ``strategy_samples``, ``strategy_seed``.

        Raises:
            WrongCallError: a value is none of its kind.
        """
        return cls(
            model=read_model_name(conf, "strategy_model", models),
            max_scored=read_whole_number(conf, "max_scored", cls.max_scored),
            group=read_yes_or_no(conf, "group", cls.group),
            samples=read_whole_number(conf, "strategy_samples", cls.samples),
            seed=read_whole_number(conf, "strategy_seed", cls.seed),
        )
