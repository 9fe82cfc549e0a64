"""Exported bundles run elsewhere: every MONAI workflow and MONAI Label's task take them, from any folder."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.bundles import NEEDS_PROMPTS, list_bundle_names, say_why_no_masses
from mammoseg.data.ingest import ingest
from tests.deploy.made_weights import FAMILIES, exported
from tests.tiny_run import write_tiny_dataset
from tests.tiny_voc import write_tiny_voc

families_now_others_slow = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAMILIES else pytest.mark.slow)
        for name in list_bundle_names()
        if say_why_no_masses(name) != NEEDS_PROMPTS
    ],
)


@pytest.fixture(scope="module")
def mammograms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("mammograms"))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voc")
    ingest("voc", str(write_tiny_voc(folder)), output=str(folder / "data"))
    (folder / "data" / "images").symlink_to(folder / "VOCdevkit" / "VOC2012" / "JPEGImages")
    return folder / "data"


@pytest.fixture
def dataset(name: str, mammograms: Path, photographs: Path) -> Path:
    return photographs if name.endswith("_bit") else mammograms


@pytest.fixture(scope="session")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of an environment that has what a metadata.json lists, and what that needs, and no more."""
    folder = tmp_path_factory.mktemp("fresh")
    listed = exported("unet", folder) / "requirements.lock"
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--requirement", listed, cwd=folder)
    return python


def run(*words: object, cwd: Path) -> str:
    """Run a command without PYTHONPATH, which pytest may have been given; returns what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_everything_runs(python: Path | str, bundle: Path, dataset: Path, folder: Path) -> None:
    results = folder / "results"
    printed = run(python, Path(__file__).with_name("run_all.py"), bundle, dataset, results, cwd=folder)
    assert printed.splitlines()[-1] == str(bundle), "another mammoseg than the export's was used"
    assert (results / "model.pt").is_file() and (results / "per_image.csv").is_file()
    images = len(list((dataset / "images").iterdir()))
    assert len(list((results / "masks").iterdir())) == images


@families_now_others_slow
def test_training_evaluating_inferring_and_network_check_run_from_another_folder(name, dataset, tmp_path):
    assert_everything_runs(sys.executable, exported(name, tmp_path), dataset, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_runs_in_an_environment_of_the_listed_packages_alone(name, dataset, fresh_python, tmp_path):
    assert "mammoseg" not in run(fresh_python, "-m", "pip", "list", cwd=tmp_path)
    assert_everything_runs(fresh_python, exported(name, tmp_path), dataset, tmp_path)


def test_its_metadata_lists_every_package_that_its_configs_import(tmp_path):
    bundle = exported("unet", tmp_path)
    run(sys.executable, Path(__file__).with_name("import_listed.py"), bundle, cwd=bundle)


def test_the_command_infers_from_the_folder_of_the_bundle(mammograms, tmp_path):
    bundle = exported("unet", tmp_path)
    command = ("-m", "monai.bundle", "run", "inferring", "--config_file", "configs/inference.json")
    run(sys.executable, *command, "--dataset_dir", mammograms / "images", cwd=bundle)
    assert len(list((bundle / "masks").iterdir())) == 12


@families_now_others_slow
def test_monai_label_gives_a_mask_of_the_size_of_the_image(name, dataset, tmp_path):
    image = sorted((dataset / "images").iterdir())[0]
    script = Path(__file__).with_name("run_label_task.py")
    bundle = exported(name, tmp_path)
    said = json.loads(run(sys.executable, script, bundle, image, cwd=tmp_path).splitlines()[-1])
    mask = cv2.imread(said["mask"], cv2.IMREAD_UNCHANGED)
    Path(said["mask"]).unlink()
    assert said["valid"] and said["dimension"] == 2
    assert Path(said["package"]).parents[1] == bundle, "another mammoseg than the export's was used"
    assert mask.dtype == np.uint8
    assert mask.shape == cv2.imread(str(image), cv2.IMREAD_GRAYSCALE).shape


def test_predict_of_the_copied_package_uses_the_exported_weights(mammograms, tmp_path):
    bundle = exported("unet", tmp_path)
    image = mammograms / "images" / "test-0.png"
    run(sys.executable, "-m", "mammoseg.cli", "predict", image, "--output", tmp_path / "out", cwd=bundle)
    weights = json.loads((bundle / "manifest.json").read_text())["weights_sha256"]
    assert weights in (tmp_path / "out" / "index.html").read_text()


def test_list_of_the_copied_package_names_the_exported_bundle_alone(tmp_path):
    (card,) = json.loads(run(sys.executable, "-m", "mammoseg.cli", "list", "--json", cwd=exported("unet", tmp_path)))
    assert (card["name"], card["recipe"], card["input"]) == ("unet", "sun2020", [3, 32, 32])
