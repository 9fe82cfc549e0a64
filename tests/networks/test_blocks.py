import pytest
import torch

from mammoseg.networks.blocks import (
    ASPP,
    BilinearUp,
    ChannelAttention,
    DeepUnit,
    MultiResBlock,
    ResPath,
    ResUnit,
    make_unit,
    multires_widths,
    res_paths,
)


def seeded(unit_class):
    torch.manual_seed(0)
    return unit_class(3, 4).eval()


def test_deep_and_res_units_have_equal_counts():
    deep, res = ([p.shape for p in unit.parameters()] for unit in (seeded(DeepUnit), seeded(ResUnit)))
    assert deep == res


def test_deep_and_res_units_with_equal_weights_give_different_outputs():
    deep, res = seeded(DeepUnit), seeded(ResUnit)
    res.load_state_dict(dict(zip(res.state_dict(), deep.state_dict().values(), strict=True)))
    image = torch.rand(1, 3, 8, 8)
    assert not torch.allclose(deep(image), res(image))


def test_res_unit_with_a_silent_residual_passes_its_entry():
    unit = seeded(ResUnit)
    for parameter in unit.residual[-1].parameters():  # gamma and beta of the last normalisation
        torch.nn.init.zeros_(parameter)
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(unit(image), unit.entry(image))


def test_an_unknown_unit_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown unit 'wide'; known: basic, deep, res"):
        make_unit("wide", 1, 2)


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


def test_bilinear_up_spreads_a_row_evenly_between_its_ends():
    row = torch.tensor([0.0, 1.0, 2.0]).expand(1, 1, 3, 3)
    larger = BilinearUp(1, 1)[0](row)
    torch.testing.assert_close(larger, torch.tensor([0, 0.4, 0.8, 1.2, 1.6, 2]).expand(1, 1, 6, 6))


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
    assert multires_widths(channels) == widths


def test_multires_block_chains_its_convolutions_and_adds_the_shortcut():
    torch.manual_seed(0)
    block = MultiResBlock(3, 8).eval()
    torch.nn.init.zeros_(block.norm.weight)  # silences the chain: only the shortcut is left
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(block(image), block.exit_norm(torch.relu(block.shortcut(image))))


def test_residual_paths_are_the_longer_the_finer():
    assert [len(path) for path in res_paths([51, 105, 212, 426], [32, 64, 128, 256])] == [4, 3, 2, 1]


def test_both_branches_of_a_residual_path_read_its_running_features():
    torch.manual_seed(0)
    path = ResPath(3, 4, length=2).eval()
    image = torch.rand(1, 3, 8, 8)
    once = path[0](image)
    twice = path[1].norm(torch.relu(path[1].shortcut(once) + torch.relu(path[1].conv(once))))
    assert torch.equal(path(image), twice)


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
