"""The one place where every program ends."""

import errno
import os
import signal

import pytest

from mammoseg.command_line import TRACEBACK, find_known_error, run_script, run_to_end
from mammoseg.errors import NothingUsableError


def raising(error, cause=None):
    def work():
        raise error from cause

    return work


@pytest.mark.parametrize(
    ("error", "cause", "code", "said"),
    [
        (NothingUsableError("none of\n1 file"), None, 3, "none of 1 file"),
        (RuntimeError("wrapped"), NothingUsableError("none"), 3, "none"),
        (
            RuntimeError("wrapped"),
            OSError(errno.ENOSPC, "No space left on device", "a"),
            1,
            "'a': No space left on device.",
        ),
        (KeyboardInterrupt(), None, 130, "stopped; what was finished is kept."),
        (MemoryError(), None, 1, "there is not enough memory; close other programs, or take smaller images."),
    ],
)
def test_error_is_one_sentence_with_its_code(error, cause, code, said, capsys):
    assert run_to_end(raising(error, cause), name="program") == code
    assert capsys.readouterr() == ("", f"program: {said}\n")


def test_what_was_not_foreseen_says_how_to_see_where_and_repeats_no_value(capsys, monkeypatch):
    assert run_to_end(raising(KeyError("DOE^JANE"))) == 70
    said = capsys.readouterr().err
    assert said.startswith("mammoseg: this was not foreseen: KeyError in test_command_line.py, line ")
    assert said.count("\n") == 1 and "DOE" not in said and TRACEBACK in said
    monkeypatch.setenv(TRACEBACK, "1")
    run_to_end(raising(KeyError("DOE^JANE")))
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):\n")


def test_ctrl_c_that_a_library_takes_for_a_fault_of_its_own_is_still_ctrl_c(capsys):
    def work():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy.core.multiarray failed to import") from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told us to ignore it
    try:
        assert run_to_end(work) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "mammoseg: stopped; what was finished is kept.\n"


def test_work_that_ends_well_gives_0(capsys):
    assert run_to_end(lambda: print("done")) == 0
    assert capsys.readouterr() == ("done\n", "")


def test_full_disk_is_an_error_of_the_system_whatever_a_library_says_of_it(tmp_path, monkeypatch):
    from mammoseg.files import atomic_path

    full = os.statvfs(tmp_path).__class__((4096, 4096, 9, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with pytest.raises(OSError, match="No space left on device") as raised, atomic_path(tmp_path / "a"):
        raise RuntimeError("unexpected pos 576 vs 534")  # what torch.save says
    assert raised.value.filename == str(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_errors_that_name_each_other_as_context_end_in_a_sentence():
    first, second = RuntimeError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    assert find_known_error(first).exit_code == 70


def test_a_script_asked_for_help_does_nothing_else_even_where_it_takes_any_option(capsys, monkeypatch):
    def measure(**options):
        """Measure something."""
        raise AssertionError(options)

    monkeypatch.setattr("sys.argv", ["program.py", "--threads", "1", "--help"])
    with pytest.raises(SystemExit) as end:
        run_script(measure)
    assert end.value.code == 0 and "Measure something." in "".join(capsys.readouterr())
