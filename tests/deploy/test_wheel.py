"""What `pip install` of the built wheel brings, and that it works outside any checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mammoseg.bundles import list_bundle_names

ROOT = Path(__file__).resolve().parents[2]
CONVERTED = ("shipped.onnx", "shipped.onnx.json")
BUILD = """
import sys
from setuptools.build_meta import build_wheel
build_wheel(sys.argv[1])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Content of the wheel of this tree, unpacked as pip does it; built from a copy, so that nothing is left here."""
    tree, wheels, site = (tmp_path_factory.mktemp(name) for name in ("tree", "wheels", "site"))
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    for name in filter(None, tracked):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    for name in ("models/model.pt", "models/model.safetensors", "models/train.log", "eval/metrics.csv", "masks/a.png"):
        left = tree / "bundles" / "unet" / name
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"of a run on the machine of the build")
    for name in CONVERTED:  # what scripts/convert_shipped.py makes, which git does not keep
        (tree / "bundles" / "efficientnet_unet" / "models" / name).write_bytes(b"{}")
    built = tree / "monailabel_app" / "annotate" / "built" / "index.html"  # of `make annotate`, which git does not keep
    built.parent.mkdir(exist_ok=True)
    built.write_text("<!doctype html>")
    subprocess.run([sys.executable, "-c", BUILD, str(wheels)], cwd=tree, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    return site


@pytest.fixture
def call(installed, tmp_path):
    """Run the installed package in an empty folder, with this environment's libraries."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAMMOSEG_")}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_a_wheel_holds_package_bundles_and_label_app_and_nothing_of_the_builders_runs(installed):
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"mammoseg", "monailabel_app"}
    bundles = installed / "mammoseg" / "_bundles"
    assert sorted(path.parent.name for path in bundles.glob("*/arch.json")) == list_bundle_names()
    assert (bundles / "unet" / "configs" / "train.json").read_text() == (
        ROOT / "bundles" / "unet" / "configs" / "train.json"
    ).read_text()
    assert (installed / "mammoseg" / "viewer" / "config.json").is_file()
    assert (installed / "monailabel_app" / "annotate" / "built" / "index.html").is_file()
    assert not (installed / "monailabel_app" / "annotate" / "src").exists()
    assert {path.name for path in (bundles / "unet").iterdir()} == {"LICENSE", "arch.json", "configs", "docs"}
    assert {path.name for path in bundles.glob("*/models/*")} == {"shipped.json", "shipped.safetensors", *CONVERTED}


def test_the_installed_package_lists_its_bundles_and_copies_one_for_its_user(call, installed, tmp_path):
    where = call("-c", "import mammoseg; print(mammoseg.__file__)").strip()
    assert Path(where).is_relative_to(installed)
    listed = json.loads(call("-m", "mammoseg.cli", "list", "--json"))
    assert [card["name"] for card in listed] == list_bundle_names()
    call("-m", "mammoseg.cli", "bundle", "unet", "--output", "mine")
    train = json.loads((tmp_path / "mine" / "configs" / "train.json").read_text())
    assert train["run_root"] == str(tmp_path / "mine")


@pytest.mark.slow
def test_the_installed_package_trains_predicts_and_exports_and_writes_nothing_beside_its_code(
    call, installed, tmp_path
):
    before = files_in(installed)
    small = (
        "--max_epochs",
        "1",
        "--spatial_size",
        "[32,32]",
        "--batch_size",
        "2",
        "--network_def::channels=[4,8,16,32,64]",
    )
    mammoseg = ("-m", "mammoseg.cli")
    call(*mammoseg, "ingest", "phantom", "--output", "data", "--patients", "6", "--size", "64")
    call(*mammoseg, "train", "unet", "--dataset_dir", "data", *small)
    weights = tmp_path / "runs" / "unet" / "models" / "model.pt"
    assert weights.is_file()
    assert "Dice" in call(*mammoseg, "evaluate", "unet", "--dataset_dir", "data")
    call(*mammoseg, "predict", "data/images", "--output", "results", "--threshold", "0.99")
    assert (tmp_path / "results" / "results.csv").is_file()
    call(*mammoseg, "export", "unet", "--weights", str(weights), "--output", "export")
    assert not (tmp_path / "export" / "unet" / "mammoseg" / "_bundles").exists()
    call(*mammoseg, "bundle", "unet", "--output", "mine")
    run = ("-m", "monai.bundle", "run", "training", "--config_file", "mine/configs/train.json")
    call(*run, "--dataset_dir", "data", *small)
    assert (tmp_path / "mine" / "models" / "model.pt").is_file()
    assert "--studies" in call("-m", "monailabel_app", "--help")
    assert files_in(installed) == before
