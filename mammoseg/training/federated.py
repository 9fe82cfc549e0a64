"""One site of a federated training, by MONAI's own `MonaiAlgo`."""

from collections.abc import Sequence
from typing import Any

from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems

from mammoseg.audit.named_folder import require_known_configs
from mammoseg.bundles import locate_bundle


def build_federated_site(
    bundle: str, *overlays: str, name: str = "site", rounds: int, epochs: int = 1, **overrides: Any
) -> MonaiAlgo:
    """A bundle on the data of one site, ready to be given weights, to train, and to give its own.

    What a training of one's own does and a site must not is left out: weights of a round come from the server, so the
    checkpoint of the round before is not continued; nothing ends a round early, for the server waits for all; and
    schedules of the learning rate are as long as all rounds.

    Args:
        bundle: name of the bundle.
        overlays: configs on its ``train.json``, such as ``common_recipe``.
        name: what the server calls the site.
        rounds: how often weights are exchanged.
        epochs: epochs of a round.
        overrides: values of the config, nested ones by ``::``; ``dataset_dir``, ``ckpt_dir`` and ``output_dir`` are of
            this site alone.
    Returns:
        MONAI's client, initialised; it sends weights, not differences.
    """
    require_known_configs(bundle)
    configs: Sequence[str] = [f"configs/{config}.json" for config in ("train", *overlays)]
    values = overrides | {"resume": False, "early_stop_patience": None}
    algo = MonaiAlgo(
        locate_bundle(bundle),
        local_epochs=rounds * epochs,  # what MONAI gives the config as max_epochs
        send_weight_diff=False,
        config_train_filename=list(configs),
        train_kwargs=dict(values),
        config_evaluate_filename=list(configs),
        eval_kwargs=dict(values),
    )
    algo.initialize({ExtraItems.CLIENT_NAME: name})
    algo.local_epochs = epochs
    return algo
