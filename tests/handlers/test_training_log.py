"""The line that a person reads after each epoch."""

import logging

from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset


def test_each_epoch_is_a_line_with_loss_validation_and_time_left(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="mammoseg.handlers.training_log")
    workflow("unet", **tiny_overrides(write_tiny_dataset(tmp_path), tmp_path, max_epochs=2)).run()
    first, second = (record.message for record in caplog.records if record.name == "mammoseg.handlers.training_log")
    assert first.startswith("epoch 1 of 2: loss ") and ", validation mean dice 0." in first
    assert first.endswith(" left") and ", at most 0 s" not in first
    assert second.startswith("epoch 2 of 2: loss ") and second.endswith(" s")
