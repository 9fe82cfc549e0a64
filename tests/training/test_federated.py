"""MONAI's client of a federation trains bundles as they are."""

import pytest
import torch
from monai.fl.utils.exchange_object import ExchangeObject

from mammoseg.bundles import list_bundle_names, say_why_no_masses
from mammoseg.training.federated import build_federated_site
from tests.test_bundles import CASES
from tests.tiny_run import write_tiny_dataset

pytestmark = pytest.mark.filterwarnings("ignore:executing the bundle config")  # MONAI's, of bundles of a stranger

FAMILIES = ("unet", "connected_unets", "smp_unet")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"))


def site(bundle, dataset, folder, **overrides):
    options = CASES[bundle].overrides(dataset, folder)
    return build_federated_site(bundle, "common_recipe", rounds=2, **{**options, **overrides})


def rounds_of(algo, exchanged):
    """Weights that the site gives back after each of two rounds, for those that the server sends."""
    given = []
    for weights in exchanged:
        algo.train(ExchangeObject(weights=weights))
        given.append({key: value.clone() for key, value in algo.get_weights().weights.items()})
    return given


def check_a_site(bundle, dataset, tmp_path):
    algo = site(bundle, dataset, tmp_path / "still", lr=0.0)
    parameters = dict(algo.trainer.network.named_parameters())
    weights = {key: torch.full_like(value, 0.5) for key, value in algo.trainer.network.state_dict().items()}
    other = {key: torch.full_like(value, 0.25) for key, value in weights.items()}
    still = rounds_of(algo, [weights, other])
    for key in parameters:  # a learning rate of 0: what came is what goes, and not what the round before has kept
        assert torch.equal(still[0][key], weights[key]) and torch.equal(still[1][key], other[key])
    assert algo.trainer.state.epoch == 2 and algo.trainer.state.iteration == 6  # of six images, two a batch
    assert 0 <= algo.evaluate(ExchangeObject(weights=weights)).metrics["val_mean_dice"] <= 1


@pytest.mark.parametrize("bundle", FAMILIES)
def test_a_site_trains_on_the_weights_of_the_server_in_each_round(bundle, dataset, tmp_path):
    check_a_site(bundle, dataset, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bundle", [name for name in list_bundle_names() if not (name in FAMILIES or say_why_no_masses(name))]
)
def test_every_bundle_can_be_a_site(bundle, dataset, tmp_path):
    check_a_site(bundle, dataset, tmp_path)


def test_a_site_trains_all_of_each_round_though_nothing_gets_better(dataset, tmp_path):
    algo = site("unet", dataset, tmp_path, epochs=3, lr=0.0, early_stop_patience=1)
    start = {key: value.clone() for key, value in algo.trainer.network.state_dict().items()}
    rounds_of(algo, [start, start])
    assert (algo.trainer.state.epoch, algo.trainer.state.iteration) == (6, 18)


def test_the_schedule_is_as_long_as_all_rounds(dataset, tmp_path):
    algo = site("unet", dataset, tmp_path, lr=0.3)
    start = {key: value.clone() for key, value in algo.trainer.network.state_dict().items()}
    rates = []
    for _ in range(2):
        algo.train(ExchangeObject(weights=start))
        rates.append(algo.trainer.optimizer.param_groups[0]["lr"])
    # Two epochs of warm-up: a third of the rate in the first, two thirds in the second, all of it after both rounds.
    assert rates == pytest.approx([0.2, 0.3])
