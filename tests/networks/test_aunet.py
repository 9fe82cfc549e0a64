"""The attention of AUNet on its way up."""

import pytest
import torch

from mammoseg.networks import AUNet
from mammoseg.networks.aunet_blocks import AttentionUp


def test_reduction_changes_only_the_attention_layers():
    shapes = []
    for reduction in (2, 16):
        with torch.device("meta"):
            network = AUNet(reduction=reduction)
        shapes.append({name: p.shape for name, p in network.named_parameters()})
    changed = {name for name in shapes[0] if shapes[0][name] != shapes[1][name]}
    assert changed and all(".attention." in name for name in changed)


def test_attention_of_one_leaves_the_plain_fusion():
    torch.manual_seed(0)
    up = AttentionUp(4, reduction=2).eval()
    coarse, fine = torch.rand(1, 8, 3, 5), torch.rand(1, 4, 6, 10)
    fusion = torch.cat([up.smooth(up.dense(coarse) + fine), up.bilinear(coarse)], dim=1)
    torch.nn.init.constant_(up.attention.excite.bias, 1e9)  # sigmoid gives exactly 1
    assert torch.equal(up(coarse, fine), fusion)


def test_attention_weights_multiply_the_feature_map():
    torch.manual_seed(0)
    up = AttentionUp(4, reduction=2).eval()
    coarse, fine = torch.rand(1, 8, 3, 5), torch.rand(1, 4, 6, 10)
    fusion = torch.cat([up.smooth(up.dense(coarse) + fine), up.bilinear(coarse)], dim=1)
    assert torch.allclose(up(coarse, fine), fusion * up.attention(fusion))


def test_widths_that_do_not_double_are_refused():
    with pytest.raises(ValueError, match=r"channels are \[8, 16, 24\], each level must be twice"):
        AUNet(channels=(8, 16, 24))
