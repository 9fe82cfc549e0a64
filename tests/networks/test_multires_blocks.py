"""Blocks and residual paths of MultiResUNet."""

import pytest
import torch

from mammoseg.networks.multires_blocks import MultiResBlock, ResPath, compute_multires_widths, make_res_paths


@pytest.mark.parametrize(
    ("channels", "widths"),
    [
        (32, (8, 17, 26)),
        (64, (17, 35, 53)),
        (128, (35, 71, 106)),
        (256, (71, 142, 213)),
        (512, (142, 284, 427)),
    ],
)
def test_multires_widths_are_those_of_the_original(channels, widths):
    assert compute_multires_widths(channels) == widths


def test_multires_block_chains_its_convolutions_and_adds_the_shortcut():
    torch.manual_seed(0)
    block = MultiResBlock(3, 8).eval()
    torch.nn.init.zeros_(block.norm.weight)  # silences the chain: only the shortcut is left
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(block(image), block.exit_norm(torch.relu(block.shortcut(image))))


def test_residual_paths_are_the_longer_the_finer():
    assert [len(path) for path in make_res_paths([51, 105, 212, 426], [32, 64, 128, 256])] == [4, 3, 2, 1]


def test_both_branches_of_a_residual_path_read_its_running_features():
    torch.manual_seed(0)
    path = ResPath(3, 4, length=2).eval()
    image = torch.rand(1, 3, 8, 8)
    once = path[0](image)
    twice = path[1].norm(torch.relu(path[1].shortcut(once) + torch.relu(path[1].conv(once))))
    assert torch.equal(path(image), twice)
