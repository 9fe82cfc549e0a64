"""The mean of the weights of several checkpoints is one network of theirs."""

import pytest
import torch

from mammoseg.checkpoints.average_weights import average_weights
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.weights_file import WeightsError
from tests.checkpoints.test_shipping import write


@pytest.fixture
def two(tmp_path):
    first = write(tmp_path / "first.pt")
    model = read_weights(first).model
    return first, write(tmp_path / "second.pt", model={key: value * 3 for key, value in model.items()})


def test_each_value_is_the_mean_and_counts_stay_those_of_the_first(two):
    first, second = map(read_weights, two)
    mean = average_weights(two)
    for key, value in first.model.items():
        assert torch.allclose(mean.model[key], value * 2 if value.is_floating_point() else value)
        assert mean.model[key].dtype == value.dtype
    assert mean.provenance == first.provenance | {"mean_with": [second.sha256]}


def test_one_checkpoint_stays_as_it_is(two):
    assert average_weights(two[:1]).provenance == read_weights(two[0]).provenance


def test_another_preprocessing_is_refused(two, tmp_path):
    settings = read_weights(two[0]).preprocessing | {"spatial_size": [32, 32]}
    with pytest.raises(WeightsError, match="has another preprocessing than"):
        average_weights([two[0], write(tmp_path / "other.pt", preprocessing=settings)])
