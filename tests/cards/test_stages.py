"""Stages of a network and what they read."""

import torch
from torch import Tensor, nn

from mammoseg.cards.stages import Stage, name_kind, trace_stages
from mammoseg.networks import UNet


def traced(network: nn.Module) -> list[Stage]:
    with torch.device("meta"):
        return trace_stages(network.to("meta"), torch.zeros(1, 3, 8, 8))


class Levels(nn.Module):
    """Two levels, joined by enlarging the coarse one without weights and adding it to the fine one."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.norm, self.pool = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2)
        self.coarse, self.up, self.head = nn.Conv2d(4, 4, 1), nn.Upsample(scale_factor=2), nn.Conv2d(4, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        fine = self.norm(self.fine(image)).relu_()
        return self.head(fine + self.up(self.coarse(self.pool(fine))))


def test_operations_between_modules_hand_on_what_they_come_from():
    assert [(stage.name, stage.reads) for stage in traced(Levels())] == [
        ("image", ()),
        ("fine", (0,)),
        ("coarse", (1,)),
        ("head", (1, 2)),
    ]


def test_stage_has_the_shape_of_its_output():
    assert [stage.shape for stage in traced(Levels())] == [(3, 8, 8), (4, 8, 8), (4, 4, 4), (1, 8, 8)]


def test_encoder_is_opened_and_up_sampling_is_one_with_the_unit_that_follows():
    assert traced(UNet(channels=(4, 8))) == [
        Stage("image", "image", (3, 8, 8)),
        Stage("encoder.stages.0", "BasicUnit", (4, 8, 8), (0,)),
        Stage("encoder.stages.1", "BasicUnit", (8, 4, 4), (1,)),
        Stage("units.0", "BilinearUp + BasicUnit", (4, 8, 8), (1, 2), enlarges=True),
        Stage("head", "Conv2d", (2, 8, 8), (3,)),
    ]


def test_kind_of_a_plain_sequence_names_its_parts_with_weights_once():
    assert name_kind(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.ReLU(), nn.Conv2d(1, 1, 1))) == "Conv2d"
    assert name_kind(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Linear(1, 1))) == "Conv2d + Linear"
