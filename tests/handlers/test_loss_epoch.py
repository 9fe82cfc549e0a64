"""The loss is told the epoch, also after a resume."""

from ignite.engine import Engine
from torch import nn

from mammoseg.handlers.loss_epoch import LossEpoch
from mammoseg.losses.staged import StagedLoss
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset


def test_stage_is_right_in_every_epoch():
    loss, stages = StagedLoss([nn.MSELoss(), nn.L1Loss()], epochs=[1, 2]), []
    trainer = Engine(lambda _, batch: stages.append(loss.stage))
    LossEpoch(loss).attach(trainer)
    trainer.run([0, 0], max_epochs=3)
    assert stages == [0, 0, 1, 1, 1, 1]


def test_resumed_run_is_in_the_stage_of_its_epoch(tmp_path):
    overrides = tiny_overrides(write_tiny_dataset(tmp_path), tmp_path, spatial_size=[64, 64])
    overrides |= {"network_def::channels": 2, "loss::epochs": [1, 1]}
    stages = []
    for epochs in (1, 2):
        flow = workflow("resnet22_unet", **overrides | {"max_epochs": epochs})
        flow.run()
        stages.append(flow.parser.get_parsed_content("loss").stage)
    assert stages == [0, 1]
