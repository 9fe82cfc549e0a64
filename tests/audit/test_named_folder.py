"""Bundles of another folder: configs that an audit knows are run, others are not, until somebody has read them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mammoseg import bundles
from mammoseg.audit import named_folder
from mammoseg.audit.audit import AuditError
from mammoseg.audit.named_folder import require_known_configs
from mammoseg.bundles import locate_bundle
from mammoseg.files import hash_file
from mammoseg.training.federated import build_federated_site
from mammoseg.training.workflow import train


@pytest.fixture
def train_json(tmp_path, monkeypatch):
    """The train.json of a bundle in a folder that the environment named."""
    folder = shutil.copytree(Path(locate_bundle("unet")), tmp_path / "unet", ignore=shutil.ignore_patterns("models"))
    for module in (bundles, named_folder):
        monkeypatch.setattr(module, "BUNDLES_FOLDER", tmp_path)
    return folder / "configs" / "train.json"


def change(path, **entries):
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_copy_with_other_values_is_run(train_json):
    change(train_json, max_epochs=3, network_def={"_target_": "monai.networks.nets.UNet", "spatial_dims": 2})
    require_known_configs("unet")


def test_one_with_foreign_code_is_run_when_somebody_has_read_it(train_json, monkeypatch):
    change(train_json, made={"_target_": "os.mkdir", "path": "was-run"})
    with pytest.raises(
        AuditError, match="1 finding in .*unet/configs, the first train.json .*os.mkdir.*MAMMOSEG_ALLOW"
    ):
        require_known_configs("unet")
    monkeypatch.setenv("MAMMOSEG_ALLOW", f"{'0' * 64},{hash_file(train_json).upper()}")
    require_known_configs("unet")


def test_nothing_of_it_is_run_before(train_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change(train_json, initialize=["$__import__('os').mkdir('was-run')"])
    for call in (lambda: train("unet", dataset_dir="data"), lambda: build_federated_site("unet", rounds=1)):
        with pytest.raises(AuditError):
            call()
    assert not Path("was-run").exists()


def test_what_a_named_bundle_makes_is_not_known_for_that(train_json, tmp_path):
    change(train_json, made={"_target_": "mammoseg.archives.send.send"})
    asked = "from mammoseg.audit.allowed import *; print(is_allowed('mammoseg.archives.send.send'))"
    environment = os.environ | {"MAMMOSEG_BUNDLES": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_our_own_are_run_unseen(monkeypatch):
    monkeypatch.setattr("mammoseg.audit.audit.find_faults_in_files", lambda *_, **__: 1 / 0)
    require_known_configs("unet")
