"""Scripts can be read without scrolling, and act on the checkout that they lie in."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

MOST_LINES = 100
"""Of two screens, one beside the other."""


def imports(tree: ast.Module) -> list[str]:
    """First part of the name of each module that a script imports at its top, in their order."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(str(node.module))
    return [name.partition(".")[0] for name in found]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.name)
def test_a_script_is_read_without_scrolling_and_names_its_checkout_before_it_imports_the_package(script):
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    names = imports(ast.parse(text))
    if "mammoseg" in names:
        assert "checkout" in names[: names.index("mammoseg")]


def test_a_script_and_what_it_starts_import_the_package_of_their_checkout(tmp_path):
    """This one, which the tests import, stands for the checkout that is installed."""
    for folder in ("scripts", "mammoseg"):
        (tmp_path / folder).mkdir()
    shutil.copy(SCRIPTS / "checkout.py", tmp_path / "scripts")
    (tmp_path / "mammoseg" / "__init__.py").touch()
    ask = "import mammoseg; print(mammoseg.__file__)"
    script = f"import checkout\n{ask}\nimport subprocess, sys\nsubprocess.run([sys.executable, '-c', {ask!r}])"
    (tmp_path / "scripts" / "ask.py").write_text(script)
    installed = {**os.environ, "PYTHONPATH": str(SCRIPTS.parent)}
    command = [sys.executable, "-u", str(tmp_path / "scripts" / "ask.py")]
    done = subprocess.run(command, cwd=tmp_path / "scripts", capture_output=True, text=True, env=installed)
    assert done.stdout.split() == [str(tmp_path / "mammoseg" / "__init__.py")] * 2, done.stderr


@pytest.mark.parametrize(("script", "word"), [("lock.sh", []), ("test_releases.sh", ["newest"])])
def test_releases_that_cannot_be_resolved_end_a_script_and_leave_the_lock_as_it_was(script, word, tmp_path):
    for folder in ("scripts", "bin"):
        (tmp_path / folder).mkdir()
    shutil.copy(SCRIPTS / script, tmp_path / "scripts")
    lock = tmp_path / "requirements.lock"
    lock.write_text("pytest==1\ntorch==2\n")
    uv = tmp_path / "bin" / "uv"
    uv.write_text('#!/bin/sh\necho "$1" >>asked\necho numpy==1\n[ "$1" != pip ]\n')
    uv.chmod(0o755)
    path = f"{uv.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", tmp_path / "scripts" / script, *word], capture_output=True, env={**os.environ, "PATH": path}
    )
    assert done.returncode
    assert lock.read_text() == "pytest==1\ntorch==2\n"
    assert (tmp_path / "asked").read_text() == "pip\n"
