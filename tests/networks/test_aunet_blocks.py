"""Units and ways up of Sun et al. 2020."""

import pytest
import torch

from mammoseg.networks.aunet_blocks import BilinearUp, DeepUnit, ResUnit, make_unit


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


def test_bilinear_up_spreads_a_row_evenly_between_its_ends():
    row = torch.tensor([0.0, 1.0, 2.0]).expand(1, 1, 3, 3)
    larger = BilinearUp(1, 1)[0](row)
    torch.testing.assert_close(larger, torch.tensor([0, 0.4, 0.8, 1.2, 1.6, 2]).expand(1, 1, 6, 6))
