"""The centre of ResNetUNet, and its dropout."""

import torch

from mammoseg.networks import ResNetUNet


def test_dropout_of_everything_leaves_the_bias_of_the_head():
    network = ResNetUNet(1, encoder="resnet22", channels=2, dropout=1.0).train()
    logits = network(torch.rand(2, 1, 64, 64))
    torch.testing.assert_close(logits, network.head.bias.expand_as(logits))


def test_the_centre_reads_the_coarsest_level_pooled_and_gives_it_back_at_that_size():
    torch.manual_seed(0)
    network = ResNetUNet(1, encoder="resnet22", channels=2).eval()
    read = []
    network.blocks[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    image = torch.rand(1, 1, 64, 64)
    network(image)
    coarsest = network.encoder(image)[-1]  # (1, 256, 2, 2)
    assert torch.equal(read[0], torch.cat([network.centre(coarsest.amax((2, 3), keepdim=True)), coarsest], dim=1))
