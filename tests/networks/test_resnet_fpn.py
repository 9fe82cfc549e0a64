"""The pyramid of ResNetFPN and its branches."""

import torch

from mammoseg.networks import ResNetFPN
from mammoseg.networks.resnet_fpn import make_pyramid_branch


def test_each_level_of_the_pyramid_is_its_lateral_and_the_level_above_enlarged():
    torch.manual_seed(0)
    network = ResNetFPN(1, encoder="resnet22", pyramid_channels=4, channels=2).eval()
    read = []
    for branch in network.branches:
        branch.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    image = torch.rand(1, 1, 64, 64)
    network(image)
    *_, c4, c5 = network.encoder(image)
    p5 = network.laterals[0](c5)
    assert torch.equal(read[0], p5)
    assert torch.equal(read[1], p5.repeat_interleave(2, 2).repeat_interleave(2, 3) + network.laterals[1](c4))


def test_branches_bring_strides_32_16_8_4_to_stride_4():
    sizes = [2, 4, 8, 16]
    branches = [make_pyramid_branch(3, 2, doublings=doublings) for doublings in (3, 2, 1, 0)]
    outputs = [branch(torch.rand(2, 3, size, size)) for branch, size in zip(branches, sizes, strict=True)]
    assert [tuple(output.shape) for output in outputs] == 4 * [(2, 2, 16, 16)]


def test_dropout_of_everything_leaves_the_bias_of_the_head():
    network = ResNetFPN(1, encoder="resnet22", pyramid_channels=4, channels=2, dropout=1.0).train()
    logits = network(torch.rand(2, 1, 64, 64))
    torch.testing.assert_close(logits, network.head[1].bias.expand_as(logits))
