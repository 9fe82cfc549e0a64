"""Old names of modules and functions, in code, in configs and in the changelog."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from mammoseg.command_line import run_to_end
from mammoseg.moved import MOVED
from mammoseg.renamed import RENAMED

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_answered_by_a_new_one_that_exists(old, capsys):
    module, _, name = old.rpartition(".")
    if name.islower():  # of a module, or of a function
        assert run_to_end(lambda: ConfigParser({"part": {"_target_": old}}).get_parsed_content("part")) == 2
    else:
        assert run_to_end(lambda: import_module(old)) == 2
    assert f"{old} is now {MOVED[old]}" in capsys.readouterr().err
    parent, _, name = MOVED[old].rpartition(".")
    assert hasattr(import_module(parent), name) or import_module(MOVED[old])


@pytest.mark.parametrize(
    "code",
    [
        "from mammoseg.checkpoints.checkpoint import trained_preprocessing",
        "import mammoseg.checkpoints.checkpoint as checkpoint; checkpoint.trained_preprocessing({})",
    ],
)
def test_a_script_with_an_old_name_of_a_function_ends_in_the_same_sentence(code, capsys):
    assert run_to_end(lambda: exec(code)) == 2
    new = "mammoseg.checkpoints.preprocessing.build_preprocessing; write that name instead.\n"
    assert capsys.readouterr().err.endswith(new)


def test_the_changelog_lists_every_moved_name():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [f"| `{old}` | `{new}` |" for old, new in MOVED.items() if f"| `{old}` | `{new}` |" not in text] == []


def test_every_renamed_function_is_there_by_its_new_name_alone():
    wrong = []
    for module, names in RENAMED.items():
        path = ROOT.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        wrong += [f"{module}.{old}" for old, new in names.items() if old in defined or new not in defined]
    assert wrong == []


def test_the_page_of_renamed_functions_lists_them_all():
    text = (ROOT / "docs" / "renamed.md").read_text(encoding="utf-8")
    rows = [f"| `{module}` | `{old}` | `{new}` |" for module, names in RENAMED.items() for old, new in names.items()]
    assert re.findall(r"^\| `.*", text.partition("## Methods")[0], re.MULTILINE) == rows


def test_every_renamed_method_of_the_page_is_there_by_its_new_name_alone():
    text = (ROOT / "docs" / "renamed.md").read_text(encoding="utf-8").partition("## Methods")[2]
    rows = re.findall(r"^\| `(.+)\.(\w+)` \| `(\w+)` \| `(\w+)` \|$", text, re.MULTILINE)
    wrong = []
    for module, owner, old, new in rows:
        tree = ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
        body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner)
        defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        wrong += [f"{module}.{owner}.{old}"] if old in defined or new not in defined else []
    assert rows and wrong == []


@pytest.mark.parametrize(
    "old, new",
    [
        ("mammoseg.bundles.bundle_root", "mammoseg.bundles.locate_bundle"),
        ("mammoseg.transforms.pipelines.preprocessing", "mammoseg.transforms.pipelines.build_film_preprocessing"),
        ("mammoseg.dicom.write.content_digest", "mammoseg.dicom.write.hash_content"),
    ],
)
def test_a_config_with_the_name_of_before_of_a_function_is_told_the_one_of_now(old, new, capsys):
    assert run_to_end(lambda: ConfigParser({"part": {"_target_": old}}).get_parsed_content("part")) == 2
    assert capsys.readouterr().err == f"mammoseg: {old} is now {new}; write that name instead.\n"


@pytest.mark.parametrize(
    "part",
    [{"_target_": "mammoseg.bundles.bundle_root"}, "$__import__('mammoseg.bundles').bundles.bundle_root('unet')"],
)
def test_monai_s_own_command_ends_with_the_new_name_too(part, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"run": part}))
    words = [sys.executable, "-m", "monai.bundle", "run", "run", "--config_file", "c.json"]
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=here)
    said = "mammoseg: mammoseg.bundles.bundle_root is now mammoseg.bundles.locate_bundle; write that name instead."
    assert ended.returncode and ended.stderr.rstrip().endswith(said)


def test_a_config_with_an_old_name_ends_in_one_sentence_with_the_new_one(capsys):
    config = ConfigParser({"schedule": {"_target_": "mammoseg.schedules.WarmupCosineLR"}})
    assert run_to_end(lambda: config.get_parsed_content("schedule")) == 2
    assert capsys.readouterr().err == (
        "mammoseg: mammoseg.schedules is now mammoseg.training.schedules; write that name instead.\n"
    )
