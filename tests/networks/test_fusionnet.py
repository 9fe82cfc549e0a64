import torch

from mammoseg.networks.fusionnet import FusionUnit


def test_fusion_unit_adds_three_convolutions_to_its_entry_before_the_exit():
    torch.manual_seed(0)
    unit = FusionUnit(3, 4).eval()
    image = torch.rand(1, 3, 8, 8)
    for parameter in unit.residual[-1].parameters():  # gamma and beta of the last normalisation
        torch.nn.init.zeros_(parameter)
    assert torch.equal(unit(image), unit.exit(unit.entry(image)))
