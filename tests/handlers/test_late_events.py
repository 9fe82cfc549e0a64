"""Numbers for TensorBoard are in a file that is there from the first of them on."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mammoseg.handlers.late_events import LateEvents


def test_there_is_no_file_before_the_first_number_and_then_it_has_them_all(tmp_path):
    events = LateEvents(tmp_path / "eval")
    events.flush()
    assert not list(tmp_path.iterdir())
    events.add_scalar("loss", 0.5, 1)
    events.add_scalar("loss", 0.25, 2)
    events.flush()
    read = EventAccumulator(str(tmp_path / "eval")).Reload()
    assert [(number.step, number.value) for number in read.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
    events.writer.close()
