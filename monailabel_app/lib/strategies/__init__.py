"""Which image next: the strategies of `mammoseg.active_learning` over the app's data source and its served models."""

from collections.abc import Mapping

from mammoseg.active_learning.strategies import STRATEGIES
from monailabel_app.lib.models.serving import ServedModel
from monailabel_app.lib.strategies.next_image import NextImage
from monailabel_app.lib.strategies.settings import StrategySettings
from monailabel_app.lib.strategies.stored_scores import StoredScores


def build_strategies(models: Mapping[str, ServedModel], conf: Mapping[str, str]) -> dict[str, NextImage]:
    """All strategies by their names; they share the scores.

    Args:
        models: models of the app, by their names.
        conf: settings of ``--conf``, see `StrategySettings`.
    Raises:
        WrongCallError: a value is none of its kind, or ``strategy_model`` is no model.
    """
    settings = StrategySettings.from_conf(conf, models)
    scores = StoredScores(models, settings)
    return {name: NextImage(name, scores, settings) for name in STRATEGIES}
