"""Attention of channels, and the pyramid of dilated convolutions."""

import torch

from mammoseg.networks.blocks import ASPP, ChannelAttention


def test_channel_attention_gives_one_weight_between_0_and_1_a_channel():
    torch.manual_seed(0)
    weights = ChannelAttention(32, reduction=16)(100 * torch.randn(2, 32, 5, 7))
    assert weights.shape == (2, 32, 1, 1) and (weights > 0).all() and (weights < 1).all()


def test_channel_attention_of_fewer_channels_than_its_reduction_still_sees_them():
    torch.manual_seed(0)
    attention = ChannelAttention(4, reduction=16)
    assert attention.squeeze.out_features == 1
    attention(torch.randn(1, 4, 5, 7)).sum().backward()
    assert attention.excite.weight.grad.shape == (4, 1)


def test_dilations_change_what_a_pyramid_gives_but_not_its_parameters():
    torch.manual_seed(0)
    wide, narrow = ASPP(3, 4, dilations=(6, 12, 18)).eval(), ASPP(3, 4, dilations=(6, 8, 12)).eval()
    narrow.load_state_dict(wide.state_dict())
    image = torch.rand(1, 3, 32, 32)
    assert not torch.allclose(wide(image), narrow(image))


def test_a_pyramid_reaches_as_far_as_its_largest_dilation():
    pyramid = ASPP(1, 1, dilations=(6, 12, 18)).eval()
    for parameter in pyramid.parameters():
        torch.nn.init.ones_(parameter)
    image = torch.zeros(1, 1, 41, 41)
    reached = (pyramid(image + torch.zeros_like(image).index_fill_(2, torch.tensor([20]), 1)) - pyramid(image))[
        0, 0, :, 20
    ]
    assert reached.nonzero()[:, 0].tolist() == [2, 8, 14, 19, 20, 21, 26, 32, 38]
