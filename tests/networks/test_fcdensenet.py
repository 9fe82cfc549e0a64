"""Dense blocks and transitions of FC-DenseNet."""

import torch

from mammoseg.networks.fcdensenet import DenseBlock, TransitionUp


def test_a_dense_block_keeps_its_input_and_appends_the_new_features():
    torch.manual_seed(0)
    block = DenseBlock(3, layers=2, growth=4, dropout=0.0).eval()
    image = torch.rand(1, 3, 8, 8)
    features = block(image)
    assert features.shape == (1, 3 + 2 * 4, 8, 8)
    assert torch.equal(features[:, :3], image)
    assert torch.equal(features[:, 7:], block.layers[1](features[:, :7]))


def test_a_narrow_transition_up_reads_the_last_features_only():
    torch.manual_seed(0)
    up = TransitionUp(4, 2)
    features = torch.rand(1, 11, 4, 6)
    changed = features.clone()
    changed[:, :7] = 0
    assert up(features).shape == (1, 2, 8, 12)
    assert torch.equal(up(features), up(changed))
