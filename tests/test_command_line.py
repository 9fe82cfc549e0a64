"""The one place where every program ends."""

import ast
import errno
import os
import signal
from pathlib import Path

import pytest

from mammoseg.command_line import TRACEBACK, Parser, find_known_error, run_script, run_to_end
from mammoseg.errors import NothingUsableError, WrongCallError

ROOT = Path(__file__).resolve().parents[1]


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
        (KeyboardInterrupt(), None, 130, "stopped."),
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
    assert capsys.readouterr().err == "mammoseg: stopped.\n"


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epoch", "3"], "there is no option --epoch; did you mean --epochs? known: --output, --epochs."),
        (["--bogus=3"], "there is no option --bogus; known: --output, --epochs."),
    ],
)
def test_a_misspelt_option_of_a_script_is_refused_before_it_runs(words, said, capsys, monkeypatch):
    def demo(output="demo", epochs=24):
        raise AssertionError("it runs")

    monkeypatch.setattr("sys.argv", ["demo.py", *words])
    with pytest.raises(SystemExit) as end:
        run_script(demo)
    assert (end.value.code, capsys.readouterr().err) == (2, f"demo.py: {said}\n")


def test_options_of_a_script_are_taken_however_fire_spells_them(monkeypatch):
    taken = []

    def write(to_file="", check=True):
        taken.append((to_file, check))

    monkeypatch.setattr("sys.argv", ["program.py", "write", "--to-file", "a", "--nocheck"])
    with pytest.raises(SystemExit) as end:
        run_script({"write": write})
    assert end.value.code == 0 and taken == [("a", False)]


def test_a_misspelt_option_is_told_the_nearest():
    parser = Parser("program", add_help=False)
    parser.add_argument("--modalities")
    with pytest.raises(WrongCallError, match="^there is no option --modality; did you mean --modalities[?]; `program"):
        parser.parse_args(["--modality=MG"])


def test_no_progress_bar_fills_a_log_that_no_terminal_shows():
    package, bars = ROOT / "mammoseg", []
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tqdm":
                bars.append((file.name, "disable" in [word.arg for word in node.keywords]))
    for file in (ROOT / "bundles" / "_base").glob("*.json"):
        bars += [
            (file.name, '"disable": null' in bar) for bar in file.read_text().split("ignite.handlers.ProgressBar")[1:]
        ]
    assert len(bars) > 20 and [name for name, is_silent in bars if not is_silent] == []
