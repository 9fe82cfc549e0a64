"""mammoseg-runtime: what is in it runs without torch, and gives what the full installation gives."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from packaging.specifiers import SpecifierSet

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.deploy.runtime_distribution import (
    DECODERS,
    REQUIRES_PYTHON,
    build_runtime,
    copy_bundles,
    copy_modules,
    list_runtime_modules,
    list_runtime_requirements,
    needs_torch,
)
from mammoseg.inference.engines.conversion import convert_shipped
from mammoseg.prediction.predict import predict
from tests.deploy.made_weights import exported

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_TORCH = """
import sys
sys.modules.update(dict.fromkeys(("torch", "monai", "ignite", "timm")))  # an import of them fails
from mammoseg.runtime import main
main()
"""

IMPORT_ALL = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        assert not error.name.startswith("mammoseg"), error  # others are of formats and engines that are not installed
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The package as the runtime has it."""
    folder = tmp_path_factory.mktemp("runtime")
    copy_modules(folder)
    copy_bundles(folder / "mammoseg" / "_bundles")
    return folder


@pytest.fixture
def call(tree, tmp_path):
    """Run its command in an empty folder; returns exit code and all that is said."""

    def run(*words):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAMMOSEG_")}
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=500,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_modules_that_need_torch_are_left_out_and_what_predict_needs_is_in():
    modules = list_runtime_modules()
    assert {"mammoseg.runtime", "mammoseg.dicom.seg", "mammoseg.data.decode_worker"} < modules
    assert needs_torch("mammoseg.inference.ensemble") and "mammoseg.inference.ensemble" not in modules
    assert not any(map(needs_torch, modules))


def test_requirements_are_those_lines_of_the_project_that_the_modules_import_and_the_decoders():
    lines = list_runtime_requirements(ROOT / "pyproject.toml")
    names = {line.partition(">")[0] for line in lines}
    assert {"openvino", "highdicom", "opencv-python-headless", "scikit-image", *DECODERS} < names
    assert not names & {"torch", "monai", "itk", "timm", "matplotlib"}
    assert all(f'"{line}"' in (ROOT / "pyproject.toml").read_text() for line in lines)


def test_an_exported_network_finds_the_masses_of_the_full_installation(call, tree, tmp_path):
    pixels = np.zeros((60, 40), np.uint16)
    pixels[10:50, :30] = np.random.default_rng(0).integers(900, 3000, (40, 30))
    write_mammogram(tmp_path / "a.dcm", pixels)
    model = exported("unet", tmp_path, formats=("onnx",)) / "models" / "probability.onnx"
    words = ("predict", tmp_path / "a.dcm", "--bundle", "unet", "--weights", model, "--segmentation", "fractional")
    code, said = call(*words, "--output", tmp_path / "runtime")
    assert code == 0, said
    predict(
        tmp_path / "a.dcm",
        output=tmp_path / "full",
        bundle="unet",
        weights=model,
        segmentation="fractional",
        device="cpu",
    )
    found, expected = (pydicom.dcmread(tmp_path / one / "a.seg.dcm") for one in ("runtime", "full"))
    assert found.SOPInstanceUID == expected.SOPInstanceUID
    assert np.array_equal(found.pixel_array, expected.pixel_array)
    assert not (tree / "mammoseg" / "training").exists()


def test_other_commands_and_checkpoints_say_what_has_them(call, tmp_path):
    assert call("train", "unet") == (2, "mammoseg: there is no command 'train'; known: predict.\n")
    write_mammogram(tmp_path / "a.dcm", np.arange(1200, dtype=np.uint16).reshape(40, 30))
    (tmp_path / "model.pt").write_bytes(b"a checkpoint")
    code, said = call("predict", "a.dcm", "--output", "out", "--bundle", "unet", "--weights", "model.pt")
    assert code == 1 and "run `mammoseg export BUNDLE --weights model.pt --formats onnx" in said
    code, said = call("predict", "a.dcm", "--output", "out", "--weights", "model.pt", "--runtime", "torch")
    assert code == 2 and "runtime torch is not installed; mammoseg-runtime has none, mammoseg does." in said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """With the networks that ship."""
    return build_runtime(tmp_path_factory.mktemp("wheel"), converted=convert_shipped())


@pytest.fixture(scope="module")
def full_result(shared_data, tmp_path_factory):
    """A mammogram, and what the full installation makes of it."""
    image, output = shared_data / "dicom_mg" / "GH133_GE_MLO_jpegls14sv1_12bit.dcm", tmp_path_factory.mktemp("full")
    predict(image, output=output, modalities=("MG", "RG"), device="cpu")
    return image, pydicom.dcmread(next(output.glob("*.seg.dcm")))


def find_python(version: str) -> str:
    """An interpreter of this version on this machine, which pyenv may have; without one the test is skipped."""
    name = f"python{version}"
    found = [shutil.which(name), *map(str, (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/{name}"))]
    for one in filter(None, found):
        if subprocess.run([one, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0:
            return one
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_wheel_in_an_empty_environment_gives_the_masks_of_the_full_installation(
    version, wheel, full_result, tmp_path
):
    assert SpecifierSet(REQUIRES_PYTHON).contains(version)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([find_python(version), "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", wheel], check=True)
    size = sum(path.lstat().st_size for path in (tmp_path / "venv").rglob("*") if path.is_file())
    assert size <= 0.9e9, f"{size / 1e9:.2f} GB"
    listed = subprocess.run([python, "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout
    assert not {"torch", "monai"} & {line.partition(" ")[0] for line in listed.splitlines()}
    (card,) = (tmp_path / "venv").rglob("efficientnet_unet/docs/README.md")
    assert "\n## Attribution\n" in card.read_text(encoding="utf-8")
    image, expected = full_result
    words = ("predict", image, "--modalities", "MG,RG", "--device", "cpu", "--output", tmp_path / "runtime")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAMMOSEG_", "PYTHON"))}
    subprocess.run(
        [python, "-c", IMPORT_ALL, *sorted(list_runtime_modules())], check=True, cwd=tmp_path, env=environment
    )
    subprocess.run([python.with_name("mammoseg"), *words], check=True, cwd=tmp_path, env=environment)
    found = pydicom.dcmread(next((tmp_path / "runtime").glob("*.seg.dcm")))
    assert found.pixel_array.any() and np.array_equal(found.pixel_array, expected.pixel_array)
    assert found.SOPInstanceUID == expected.SOPInstanceUID
    shutil.rmtree(tmp_path / "venv")
