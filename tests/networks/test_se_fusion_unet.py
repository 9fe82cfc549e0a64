"""Squeeze-and-excitation over fused skip connections."""

import pytest
import torch

from mammoseg.networks import SEFusionUNet
from mammoseg.networks.se_fusion_unet import FusionLayer


@pytest.mark.parametrize(("reduction", "millions"), [(2, 88.303), (4, 87.475), (8, 87.061), (16, 86.854)])
def test_reduction_changes_the_parameters_as_the_reference_lists(reduction, millions):
    with torch.device("meta"):
        network = SEFusionUNet(reduction=reduction)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)


@pytest.mark.parametrize(("channels", "millions"), [((16, 32, 64, 128, 256), 32.5), ((32, 64, 128, 256, 512), 44.2)])
def test_widths_change_the_parameters_as_the_reference_lists(channels, millions):
    with torch.device("meta"):
        network = SEFusionUNet(channels=channels)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_encoder_features_are_projected_only_where_widths_differ():
    assert list(FusionLayer(8, 4, 2, reduction=2).project.parameters()) == []
    assert list(FusionLayer(8, 3, 2, reduction=2).project.parameters()) != []


def test_a_layer_without_encoder_features_doubles_the_size():
    assert FusionLayer(8, None, 2, reduction=2).eval()(torch.rand(1, 8, 3, 5), None).shape == (1, 2, 6, 10)
