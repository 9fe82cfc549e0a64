"""Keys and values of ``--conf``: each key is in the documents, and none that is misspelt is taken for its default."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mammoseg.errors import WrongCallError
from monailabel_app.__main__ import APP_DIR, main
from monailabel_app.lib.conf import (
    KEYS,
    check_keys,
    read_number,
    read_whole_number,
    read_words,
    read_yes_no_or_recorded,
    read_yes_or_no,
)
from monailabel_app.main import MammosegApp

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(
    "key, sentence",
    [
        (
            "max_uplaod_mib",
            "--conf max_uplaod_mib is unknown; did you mean max_upload_mib? Known: audit_effort, bundles",
        ),
        ("Models", "--conf Models is unknown; did you mean models?"),
        ("zzz", "--conf zzz is unknown; Known: audit_effort"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest(key, sentence):
    with pytest.raises(WrongCallError, match=f"^{re.escape(sentence)}"):
        check_keys({"state_dir": "/x", key: "1"})


def test_a_key_without_a_value_is_refused():
    with pytest.raises(WrongCallError, match="--conf state_dir is ''; give a value, or leave it out"):
        check_keys({"models": "unet", "state_dir": ""})


@pytest.mark.parametrize("text", ["MG,", ",", " ", "MG,,CR"])
def test_an_empty_word_in_a_list_is_refused(text):
    with pytest.raises(
        WrongCallError, match="modalities is '.*'; it must be words with commas between them, such as MG"
    ):
        read_words({"modalities": text}, "modalities", "MG")


def test_neither_server_nor_token_starts_with_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: pytest.fail("it serves"))
    conf = ("--conf", "state_dri", str(tmp_path))
    for command in (["--studies", str(tmp_path), *conf], ["token", "--name", "Ada", *conf]):
        assert main(command) == 2
        assert capsys.readouterr().err.startswith(
            "monailabel_app: --conf state_dri is unknown; did you mean state_dir?"
        )
    with pytest.raises(WrongCallError, match="prelaod is unknown"):
        MammosegApp(str(APP_DIR), str(tmp_path), {"state_dir": str(tmp_path), "prelaod": "true"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cache_gib", "x", "cache_gib is 'x'; it must be a number"),
        ("strategy_samples", "1", "strategy_samples is '1'; it must be a whole number of 2 or more"),
        ("group", "maybe", "group is 'maybe'; it must be true or false"),
        ("flips", "up", "flips is 'up'; it must be true, false or recorded"),
        ("modalities", "MG,", "modalities is 'MG,'"),
        ("device", "gpu", "device 'gpu' cannot be used on this machine"),
        ("runtime", "tensorrt", "runtime is 'tensorrt'; give one of auto, openvino, onnx, torch."),
        ("precision", "f8", "precision is 'f8'; give one of f32"),
        ("device", "cuda:x", "device 'cuda:x' cannot be used on this machine"),
        ("strategy_model", "vnet", "strategy_model is 'vnet', which is no model of the app"),
        ("models", "vnet", "'vnet' cannot be a model"),
        ("weights", "unet", "weights 'unet' is not name=file"),
    ],
)
def test_a_wrong_value_is_told_before_the_seconds_of_importing_what_would_use_it(key, value, said, tmp_path, capsys):
    command = f"import sys; from monailabel_app.__main__ import main; code = main({['--studies', str(tmp_path)]!r} + "
    command += f"{['--conf', 'state_dir', str(tmp_path / 'state'), '--conf', key, value]!r}); "
    command += "sys.exit(code + 10 * bool({'torch', 'monai', 'monailabel', 'uvicorn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=60)
    assert said in done.stderr and done.returncode == 2
    assert not (tmp_path / "state").exists()


def test_the_documents_name_every_key_and_the_code_reads_it():
    documents = "".join((DOCS / name).read_text() for name in ("label.md", "active_learning.md"))
    code = "".join(path.read_text() for path in APP_DIR.rglob("*.py") if path.name != "conf.py")
    assert {key for key in KEYS if f"`{key}`" not in documents and f"--conf {key}" not in documents} == set()
    assert {key for key in KEYS if f'"{key}"' not in code and f'"{key.removeprefix("oidc_")}"' not in code} == set()


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf", "1e400", "1e300"])
def test_a_value_that_is_no_number_is_refused(text):
    with pytest.raises(WrongCallError, match=f"cache_gib is '{text}'; it must be a number from 0"):
        read_number({"cache_gib": text}, "cache_gib", 50)


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "", "1" * 400, "9" * 5000, "1_0"])
def test_a_value_that_is_no_whole_number_is_refused(text):
    with pytest.raises(WrongCallError, match="max_requests is .* whole number of 1 or more"):
        read_whole_number({"max_requests": text}, "max_requests", 64)


def test_a_device_that_is_none_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(WrongCallError, match="device 'gpu' cannot be used"):
        MammosegApp(str(APP_DIR), str(tmp_path), {"state_dir": str(tmp_path / "state"), "device": "gpu"})
    assert not (tmp_path / "state").exists()


def test_a_value_is_true_or_false():
    assert read_yes_or_no({"group": "False"}, "group", True) is False and read_yes_or_no({}, "group", True)
    with pytest.raises(WrongCallError, match="preload is 'yes'; it must be true or false"):
        read_yes_or_no({"preload": "yes"}, "preload", False)


def test_flips_are_true_false_or_as_recorded():
    given = {"recorded": None, "True": True, "false": False}
    assert {text: read_yes_no_or_recorded({"flips": text}, "flips") for text in given} == given
    assert read_yes_no_or_recorded({}, "flips") is None
    with pytest.raises(WrongCallError, match="flips is '1'; it must be true, false or recorded"):
        read_yes_no_or_recorded({"flips": "1"}, "flips")


def test_without_monailabel_the_server_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr("monailabel_app.__main__.find_spec", lambda name: None)
    assert main(["--studies", "."]) == 2
    assert capsys.readouterr().err.strip().endswith("run: pip install 'mammoseg[label]', docs/deployment.md.")
