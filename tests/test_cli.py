"""The command line: one line for a person, an exit code for a program."""

import subprocess
import sys

import pytest

from mammoseg import cli
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "mammoseg.cli", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(("error", "code"), [(MammosegError, 1), (WrongCallError, 2), (NothingUsableError, 3)])
def test_error_is_one_line_with_its_exit_code(error, code, monkeypatch, capsys):
    def fail():
        raise error("the disk is full; free space.")

    monkeypatch.setattr(cli, "COMMANDS", {"fail": fail})
    monkeypatch.setattr(sys, "argv", ["mammoseg", "fail"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == "mammoseg: the disk is full; free space.\n"


@pytest.mark.parametrize("command", ["deidentify", "view", "send"])
def test_unknown_option_is_a_wrong_call_before_anything_starts(command, tmp_path, monkeypatch, capsys):
    needed = {"deidentify": ["--output", str(tmp_path)], "send": ["--to", "http://127.0.0.1:1/"], "view": []}[command]
    monkeypatch.setattr(sys, "argv", ["mammoseg", command, "a.dcm", *needed, "--bogus", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "there is no option --bogus" in capsys.readouterr().err


def test_unknown_command_is_a_wrong_call():
    assert run("segment").returncode == 2


HELP = """
import sys
from mammoseg import cli
sys.argv = ["mammoseg", "--help"]
try:
    cli.main()
except SystemExit:
    pass
assert "torch" not in sys.modules
"""


def test_help_does_not_import_torch():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, env={"PAGER": "cat"})
    assert done.returncode == 0, done.stderr
