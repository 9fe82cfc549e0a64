"""Imports of large libraries without the garbage collector."""

import gc
import signal
import sys

import pytest

from mammoseg.quick_import import import_quickly


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_afterwards_as_it_was(collecting):
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        assert import_quickly("colorsys").rgb_to_hsv(0, 0, 0) == (0, 0, 0)
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_a_failed_import_leaves_the_collector_on():
    with pytest.raises(ModuleNotFoundError):
        import_quickly("mammoseg.there_is_none")
    assert gc.isenabled()


def test_what_is_imported_is_passed_over_by_the_collector():
    import_quickly("colorsys")
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_ctrl_c_in_the_middle_of_an_import_takes_effect_behind_it(tmp_path, monkeypatch):
    (tmp_path / "interrupted.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told us to ignore it
    with pytest.raises(KeyboardInterrupt):
        import_quickly("interrupted")
    signal.signal(signal.SIGINT, before)
    assert sys.modules.pop("interrupted").whole
