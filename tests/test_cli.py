"""The command line: one line for a person, an exit code for a program."""

import errno
import os
import subprocess
import sys

import pytest

from mammoseg import cli
from mammoseg.commands import COMMANDS
from mammoseg.errors import MammosegError, NothingUsableError, WrongCallError

NEEDED = {
    "ingest": ["phantom", "--output", "out"],
    "train": ["unet", "--dataset_dir", "data"],
    "evaluate": ["unet", "--dataset_dir", "data", "--weights", "model.pt"],
    "calibrate": ["unet", "--dataset_dir", "data", "--weights", "model.pt", "--output", "out"],
    "quantise": ["unet", "--dataset_dir", "data"],
    "report": ["eval", "--dataset_dir", "data", "--weights", "model.pt", "--output", "out"],
    "compare": ["--output", "out"],
    "predict": ["--output", "out"],
    "cohort": ["--output", "out"],
    "send": ["--to", "https://pacs/dicom-web"],
    "deidentify": ["--output", "out"],
    "export": ["unet", "--weights", "model.pt", "--output", "out"],
    "bundle": ["unet", "--output", "out"],
    "audit": ["theirs.zip"],
    "audit-split": [],
    "view": [],
    "run": ["plan.json"],
    "reproduce": [],
    "list": [],
}
"""What each command cannot do without."""


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command line here; returns the exit code, standard output and standard error."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["mammoseg", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def called(monkeypatch):
    """The calls that reach the functions behind send, deidentify and train: positional and named arguments."""
    calls = []
    for function in ("archives.send.send", "deidentification.deidentify.deidentify", "training.workflow.train"):
        monkeypatch.setattr(f"mammoseg.{function}", lambda *inputs, **options: calls.append((inputs, options)))
    return calls


def test_python_m_runs_the_same_command_line():
    done = subprocess.run([sys.executable, "-m", "mammoseg", "list", "--nothing"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "mammoseg: there is no option --nothing; `mammoseg list --help` shows what there is.\n",
    )


@pytest.mark.parametrize(("error", "code"), [(MammosegError, 1), (WrongCallError, 2), (NothingUsableError, 3)])
def test_error_is_one_line_with_its_exit_code(error, code, monkeypatch, call):
    def fail():
        raise error("the disk is full; free space.")

    monkeypatch.setitem(COMMANDS, "fail", lambda add: fail)
    assert call("fail") == (code, "", "mammoseg: the disk is full; free space.\n")


def test_error_of_the_system_is_one_line(monkeypatch, call):
    def fail():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/results.csv")

    monkeypatch.setitem(COMMANDS, "fail", lambda add: fail)
    assert call("fail") == (1, "", "mammoseg: 'out/results.csv': No space left on device.\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_printed_and_no_error(command, option, call):
    code, out, err = call(command, option)
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: mammoseg {command} ")


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_overview_names_every_command(words, call):
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_option_is_named_before_anything_starts(command, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt").touch()
    code, _, err = call(command, *NEEDED[command], "--bogus", "1")
    assert code == 2
    assert "there is no option --bogus" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["segment"], "there is no command 'segment'; known: ingest, train"),
        (["predict", "a.dcm"], "required: -o/--output"),
        (["predict", "a.dcm", "--output"], "-o/--output: expected one argument"),
        (["predict", "-o", "out", "--threshold", "half"], "--threshold: 'half' is no number"),
        (["predict", "-o", "out", "--workers", "-1"], "--workers: '-1' is no whole number from 0"),
        (["export", "unet", "vnet", "-o", "out", "--weights", "w"], "there is no place for vnet"),
        (["train", "unet", "--dataset_dir", "data", "--lr"], "--lr: expected one argument"),
        (["train", "unet", "vnet", "--dataset_dir", "data"], "there is no place for vnet"),
    ],
)
def test_wrong_call_is_said_in_one_line(words, said, call):
    code, out, err = call(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "vnet", "--dataset_dir", "data"], 2, "unknown bundle 'vnet'; known: attention_unet"),
        (["predict", "a.dcm", "-o", "out", "--bundle", "vnet"], 2, "unknown bundle 'vnet'"),
        (["predict", "a.dcm", "-o", "out", "--weights", "no.pt"], 1, "there are no weights at no.pt"),
        (["export", "unet", "-o", "out", "--weights", "no.pt"], 1, "there are no weights at no.pt"),
    ],
)
def test_what_is_named_wrong_is_said_before_torch_is_imported(words, code, said, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "mammoseg.cli", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code and f"mammoseg: {said}" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.split("|")[-1].strip() in ("torch", "monai")]
    assert not list(tmp_path.iterdir())


def test_options_may_stand_anywhere_and_are_spelt_with_hyphens_too(call, called):
    call("deidentify", "a", "--map-file", "map", "b", "-o", "out", "c", "--modalities=MG,RG")
    assert called == [(("a", "b", "c"), {"map_file": "map", "output": "out", "modalities": ("MG", "RG")})]


def test_texts_that_look_like_numbers_stay_texts(call, called):
    call("deidentify", "007", "1_000", "--output", "2024.10")
    assert called == [(("007", "1_000"), {"output": "2024.10"})]


def test_a_switch_takes_no_file_for_its_value(call, called):
    call("send", "--json", "a.dcm", "--to", "https://pacs/")
    assert called == [(("a.dcm",), {"as_json": True, "to": "https://pacs/"})]


def test_overrides_of_a_config_have_the_types_of_json_or_of_monais_command_line(call, called):
    call("train", "unet", "--dataset-dir", "data", "--resume", "false", "--lr=1e-4", "--network_def::channels", "[4,8]")
    call("train", "unet", "--dataset-dir", "data", "--amp", "True", "--device", "$torch.device('cpu')")
    common = {"bundle": "unet", "dataset_dir": "data"}
    assert called == [
        ((), common | {"resume": False, "lr": 1e-4, "network_def::channels": [4, 8]}),
        ((), common | {"amp": True, "device": "$torch.device('cpu')"}),
    ]


HELP = """
import sys
from mammoseg import cli
sys.argv = ["mammoseg", *sys.argv[1:]]
try:
    cli.main()
except SystemExit:
    pass
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_help_does_not_import_torch(words):
    done = subprocess.run([sys.executable, "-c", HELP, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
