"""Several weights exported as their mean: one network, used in every way that an export is used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mammoseg.audit.audit import find_faults
from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.checkpoints.checkpoint import read_weights, save_checkpoint
from mammoseg.checkpoints.ensemble_file import EnsembleRecord, write_ensemble
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.cbis_ddsm import LICENSE
from mammoseg.data.phantom import generate_cohort
from mammoseg.deploy.export import export
from mammoseg.deploy.manifest import check_manifest
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from mammoseg.inference.ensemble import MeanPredictor, load_predictor
from mammoseg.inference.predictor import Predictor
from mammoseg.provenance import FILM_WARNING
from monailabel_app.lib.models.discover import discover
from tests.deploy.made_weights import narrow_config, write_weights
from tests.tiny_run import write_tiny_dataset

ONE, TWO = ("unet_slim", "unet_slim"), ("unet_slim", "attention_unet")
"""Members of one bundle, and of two with the same preprocessing."""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    record, *_ = generate_cohort(folder, patients=1, size=96)
    return folder / record["image"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("mammograms"))


def write_trained_like(name: str, path: Path, *, seed: int, flips: bool = False, source: str = "phantom") -> Path:
    """Weights of a narrow network that says something else of each pixel, and of each seed."""
    torch.manual_seed(seed)
    parser = narrow_config(name)
    network = parser.get_parsed_content("network_def")
    make_trained_like(network, torch.rand(2, 3, *parser["spatial_size"]))
    content = {
        "model": network.state_dict(),
        "network": network.config,
        "preprocessing": parser.get_parsed_content("preprocessing").settings,
        "provenance": {"bundle": name, "source": source},
        "flips": flips,
        "threshold": 0.3 + seed / 10,
    }
    save_checkpoint(path, content)
    return path


def write_members(folder: Path, names: tuple[str, ...], **options) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [
        write_trained_like(name, folder / f"{seed}.pt", seed=seed, **options)
        for seed, name in enumerate(names, start=1)
    ]


def compute_probability(predictor: Predictor | MeanPredictor, path: Path) -> np.ndarray:
    return predictor(path).probability


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("names", [ONE, TWO], ids=["one bundle", "two bundles"])
def test_the_exported_network_gives_the_probability_of_the_members_together(names, flips, phantom, tmp_path):
    files = write_members(tmp_path / "members", names, flips=flips)
    model = export("unet_slim", weights=files, output=tmp_path / "out") / "models" / "model.pt"
    predictors = [Predictor(name, weights=file) for name, file in zip(names, files, strict=True)]
    each = [compute_probability(predictor, phantom) for predictor in predictors]
    assert np.abs(each[0] - each[1]).max() > 0.02 and each[0].std() > 0.005, "equal maps would prove nothing"
    together = load_predictor("unet_slim", weights=files)
    for runtime in ("torch", "openvino"):
        joined = Predictor("unet_slim", weights=model, runtime=runtime)
        found = compute_probability(joined, phantom)
        assert np.abs(found - compute_probability(together, phantom)).max() <= 1e-5
        assert joined.threshold == pytest.approx(together.threshold) == pytest.approx(0.45)
        assert joined.algorithm.flips == together.algorithm.flips == ("up-down" if flips else None)


def test_other_formats_give_the_mean_too_and_onnx_predicts_alone(phantom, tmp_path):
    files = write_members(tmp_path / "members", TWO)
    formats = ("torchscript", "torch_export", "onnx")
    folder = export("unet_slim", weights=files, output=tmp_path / "out", formats=formats)
    differences = json.loads((folder / "manifest.json").read_text())["differences_from_pytorch"]
    assert differences.keys() == set(formats) and max(differences.values()) <= 1e-5
    together = compute_probability(load_predictor("unet_slim", weights=files), phantom)
    for runtime in ("openvino", "onnx"):
        converted = Predictor("unet_slim", weights=folder / "models" / "probability.onnx", runtime=runtime)
        assert np.abs(compute_probability(converted, phantom) - together).max() <= 1e-5
        assert converted.threshold == pytest.approx(0.45)


def test_a_folder_with_a_record_is_exported_as_the_record_says(phantom, tmp_path):
    files = write_members(tmp_path / "members", TWO)
    calibration = {"scale": 0.5, "offset": -1.0, "fitted_on": "phantoms"}
    record = EnsembleRecord({file.name: hash_file(file) for file in files}, 0.7, calibration, True, 4.0)
    write_ensemble(tmp_path / "members" / "ensemble.json", record)
    folder = export("attention_unet", weights=tmp_path / "members", output=tmp_path / "out")
    joined = Predictor("attention_unet", weights=folder / "models" / "model.pt")
    together = load_predictor("attention_unet", weights=tmp_path / "members")
    for predictor in (joined, together):
        said = predictor.algorithm
        assert (predictor.threshold, said.min_area_mm2, said.flips) == (0.7, 4.0, "up-down")
        assert said.score_kind == "calibrated on phantoms"
    assert np.abs(compute_probability(joined, phantom) - compute_probability(together, phantom)).max() <= 1e-5


def test_the_export_names_its_members_passes_an_audit_and_is_the_same_every_time(tmp_path, capsys):
    files = write_members(tmp_path / "members", TWO, source="cbis_ddsm")
    folder = export("unet_slim", weights=files, output=tmp_path / "a")
    assert FILM_WARNING in capsys.readouterr().err
    card = (folder / "docs" / "README.md").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, file, said in zip(("UNetSlim", "AttentionUNet"), files, manifest["provenance"]["members"], strict=True):
        assert f"| `{name}` | `{file.name}` | `{hash_file(file)}` | `cbis_ddsm` |" in card
        assert (said["file"], said["sha256"], said["source"]) == (file.name, hash_file(file), "cbis_ddsm")
    assert LICENSE in card and FILM_WARNING in card and "mammoseg.cli train" not in card
    parameters = sum(v.numel() for f in files for key, v in read_weights(f).model.items() if not is_statistic(key))
    assert json.loads((folder / "docs" / "facts.json").read_text())["parameters"] == parameters
    assert json.loads((folder / "configs" / "metadata.json").read_text())["data_source"] == "cbis_ddsm"
    check_manifest(folder)
    assert list(find_faults(folder)) == []
    again = export("unet_slim", weights=files, output=tmp_path / "b")
    assert hash_file(folder.with_suffix(".zip")) == hash_file(again.with_suffix(".zip"))


def is_statistic(key: str) -> bool:
    return key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_the_label_server_takes_it_as_a_bundle(phantom, tmp_path):
    files = write_members(tmp_path / "members", TWO)
    folder = export("unet_slim", weights=files, output=tmp_path / "out")
    entry = discover({"bundles": str(folder)})["unet_slim"]
    served = compute_probability(load_predictor("unet_slim", weights=entry.weights, with_boxes=None), phantom)
    together = compute_probability(load_predictor("unet_slim", weights=files), phantom)
    assert np.abs(served - together).max() <= 1e-5


def test_a_bundle_of_none_of_the_members_is_refused_and_so_are_those_that_see_otherwise(tmp_path):
    files = write_members(tmp_path / "members", ONE)
    with pytest.raises(WeightsError, match="holds the mean of UNetSlim and UNetSlim, bundle 'unet' is UNet; name its"):
        export("unet", weights=files, output=tmp_path / "out")
    other = write_trained_like("unet", tmp_path / "c.pt", seed=3)
    with pytest.raises(WrongCallError, match="see an image in different ways, .*crop_to_breast True there, False here"):
        export("unet_slim", weights=[files[0], other], output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)


def test_monai_runs_it_from_another_folder_and_trains_it_nowhere(dataset, tmp_path):
    files = [write_weights(name, tmp_path / f"{name}.pt") for name in TWO]
    for name, file in zip(TWO, files, strict=True):
        content = torch.load(file, weights_only=True)
        content["provenance"]["bundle"] = name
        torch.save(content, file)
    bundle = export("unet_slim", weights=files, output=tmp_path / "out")
    script, results = Path(__file__).with_name("run_all.py"), tmp_path / "results"
    done = run(sys.executable, script, bundle, dataset, results, "untrained", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(bundle), "another mammoseg than the export's was used"
    assert (results / "per_image.csv").is_file() and len(list((results / "masks").iterdir())) == 12
    before = hash_file(bundle / "models" / "model.pt")
    done = run(sys.executable, script, bundle, dataset, results, cwd=tmp_path)
    assert done.returncode != 0 and "is a mean of several networks, which is not trained" in done.stderr
    assert not (results / "model.pt").exists() and hash_file(bundle / "models" / "model.pt") == before
    image = dataset / "images" / "test-0.png"
    done = run(sys.executable, "-m", "mammoseg.cli", "predict", image, "--output", tmp_path / "predicted", cwd=bundle)
    assert done.returncode == 0 and before in (tmp_path / "predicted" / "index.html").read_text(), done.stderr
    done = run(sys.executable, Path(__file__).with_name("run_label_task.py"), bundle, image, cwd=tmp_path)
    said = json.loads(done.stdout.splitlines()[-1])
    mask = cv2.imread(said["mask"], cv2.IMREAD_UNCHANGED)
    Path(said["mask"]).unlink()
    assert said["valid"] and mask.dtype == np.uint8 and mask.shape == (64, 48) and not mask.any()
