"""A training that has fewer images than a batch takes is refused before it begins."""

from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader

from mammoseg.errors import WrongCallError
from mammoseg.networks import MeanOfNetworks
from mammoseg.training.trainable import check_trainable


def make_trainer(images, *, batch_size=4, network=None):
    loader = DataLoader(range(images), batch_size=batch_size, drop_last=True)
    return SimpleNamespace(data_loader=loader, network=network)


@pytest.mark.parametrize(("images", "said"), [(0, "0 images"), (1, "1 image"), (3, "3 images")])
def test_fewer_images_than_a_batch_are_refused(images, said):
    with pytest.raises(WrongCallError, match=f"a batch of 4 takes more than the {said} of training; lower"):
        check_trainable(make_trainer(images))


@pytest.mark.parametrize("images", [4, 5])
def test_one_batch_is_enough(images):
    check_trainable(make_trainer(images))


def test_a_mean_of_networks_is_not_trained():
    member = {"architecture": "UNet", "channels": [2, 4]}
    mean = MeanOfNetworks(1, 1, members=[member, member])
    for network in (mean, SimpleNamespace(module=mean)):
        with pytest.raises(WrongCallError, match="the network of this bundle is a mean of several networks, which"):
            check_trainable(make_trainer(8, network=network))
    check_trainable(make_trainer(8, network=mean.members[0]))
