"""What every network has: a config that builds it again, and refusals of wrong arguments and sizes."""

import pytest
import torch
from torch import nn

from mammoseg.networks import Network


class Head(Network):
    """Smallest possible network."""

    size_divisor = 8

    def __init__(self, in_channels: int = 3, *, channels: tuple[int, ...] = (2, 4)) -> None:
        super().__init__()
        self.layer = nn.Conv2d(in_channels, channels[0], 1)


class DeeperHead(Head):
    """Its constructor calls another recording constructor."""

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__(in_channels, channels=(5,))


def test_config_holds_class_given_arguments_and_defaults_as_json_values():
    expected = {"architecture": "Head", "in_channels": 1, "channels": [2, 4]}
    assert Head(1).config == expected


def test_config_of_a_subclass_has_its_own_arguments_only():
    assert DeeperHead(2).config == {"architecture": "DeeperHead", "in_channels": 2}


def test_a_wrong_argument_is_refused_by_name():
    with pytest.raises(TypeError, match="widths"):
        Head(widths=3)


def test_a_divisible_size_passes():
    Head().check_size(torch.empty(1, 3, 16, 24))


@pytest.mark.parametrize(("size", "fits"), [((17, 16), "24 x 16"), ((16, 1), "16 x 8"), ((9, 9), "16 x 16")], ids=str)
def test_a_wrong_size_is_refused_with_the_next_larger_that_fits(size, fits):
    with pytest.raises(ValueError, match=f"image is {size[0]} x {size[1]}, .* by 8 for Head; pad it to {fits}"):
        Head().check_size(torch.empty(1, 3, *size))
