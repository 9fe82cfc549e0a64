"""Training and evaluation by name do what MONAI's command does, and end on a sentence when something is wrong."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import torch

from mammoseg.checkpoints.checkpoint import read_checkpoint, read_weights, write_weights
from mammoseg.checkpoints.mean_weights import join_weights
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.datalist import DatalistError
from mammoseg.errors import StoppedError, WrongCallError
from mammoseg.evaluation.tables import read_per_image, read_provenance
from mammoseg.training.overrides import merge_config
from mammoseg.training.workflow import RECIPES, evaluate, train
from tests.tiny_run import tiny_overrides, write_tiny_dataset

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train("unet", recipe="common", **tiny_overrides(write_tiny_dataset(folder / "data"), folder, max_epochs=1))
    return folder


def test_evaluation_takes_network_and_size_from_the_weights(run, tmp_path):
    weights = str(run / "models" / "model.pt")
    evaluate("unet", dataset_dir=str(run / "data"), weights=weights, output_dir=str(tmp_path))
    assert len(read_per_image(tmp_path / "per_image.csv")) == 6  # three images on two grids
    told = read_provenance(tmp_path)
    assert told["started_from"]["sha256"] == told["weights_sha256"] == read_weights(weights).sha256
    assert (told["weights_file"], told["section"], told["precision"]) == ("model.pt", "test", "float32")
    assert (told["threshold"], told["flips"], told["min_area_mm2"], told["encoder"]) == (0.5, None, None, None)
    assert told["command"] == f"cd {shlex.quote(str(Path.cwd()))} && {shlex.join(sys.orig_argv)}"
    assert told["date"] == f"{datetime.now():%Y-%m-%d}" and told["machine"]["processor"].endswith(" cores")
    assert told["spatial_size"] == list(read_weights(weights).preprocessing["spatial_size"])


def test_scores_of_a_fold_that_the_weights_were_trained_on_are_doubted(run, tmp_path, capsys):
    weights = str(run / "models" / "model.pt")
    options = {"fold": 1, "validation_section": "validation", "output_dir": str(tmp_path)}
    evaluate("unet", dataset_dir=str(run / "data"), weights=weights, **options)
    assert "WARNING: These weights (no fold) were trained on images that are scored here (fold 1)" in (
        capsys.readouterr().err
    )
    told = read_provenance(tmp_path)
    assert told["fold"] == 1 and "chosen_on" not in told
    assert (told["started_from"]["fold"], told["started_from"]["chosen_on"]) == (None, "validation")


def test_evaluation_names_the_seed_of_the_training(run, tmp_path):
    weights = torch.load(run / "models" / "model.pt", weights_only=True)
    weights["provenance"]["seed"] = 7
    torch.save(weights, tmp_path / "seven.pt")
    evaluate("unet", dataset_dir=str(run / "data"), weights=str(tmp_path / "seven.pt"), output_dir=str(tmp_path))
    assert read_provenance(tmp_path)["seed"] == 7


def test_evaluation_tells_its_scores_as_scores_and_not_as_the_best_of_a_training(run, tmp_path, capsys):
    weights = str(run / "models" / "model.pt")
    evaluate("unet", dataset_dir=str(run / "data"), weights=weights, output_dir=str(tmp_path))
    printed, progress = capsys.readouterr()
    assert "\r" not in progress  # no terminal
    (dice,) = [row["mean"] for row in json.loads((tmp_path / "summary.json").read_text())["scores"] if of_dice(row)]
    assert f" - INFO - scored: mean dice {dice:.4f}\n" in printed and "best value" not in printed


def of_dice(row):
    return (row["metric"], row["grid"]) == ("dice", "network")


def test_equivalent_monai_command_is_printed(run, tmp_path, capsys):
    evaluate("unet", dataset_dir=str(run / "data"), ckpt_dir=str(run / "models"), output_dir=str(tmp_path))
    printed = capsys.readouterr().out
    (command,) = [shlex.split(line) for line in printed.splitlines() if line.startswith("$ ")]
    assert command[:6] == ["$", "python", "-m", "monai.bundle", "run", "evaluating"]
    assert [Path(file).name for file in json.loads(command[7])] == ["train.json", "evaluate.json"]
    assert command[6::2] == ["--config_file", "--dataset_dir", "--ckpt_dir", "--output_dir"]
    assert " on the original grid, mean of 3 images" in printed and str(tmp_path / "per_image.csv") in printed


@pytest.mark.parametrize(("weights", "printed"), [("gone.pth", "{}/gone.pth"), ("package", "package")])
def test_a_file_of_encoder_weights_is_printed_with_its_folder_and_a_word_is_not(
    weights, printed, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    places = {"dataset_dir": str(run / "data"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    with pytest.raises(WrongCallError, match=weights):
        train("resnet34_unet", encoder_weights=weights, **places)
    assert f" --encoder_weights {printed.format(tmp_path)}" in capsys.readouterr().out


@pytest.mark.slow  # two processes that import MONAI
def test_the_printed_commands_do_the_same_when_they_are_pasted_elsewhere(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(run)
    evaluate("unet", dataset_dir="data", weights="models/model.pt", output_dir="pasted/scored")
    overrides = tiny_overrides(Path("data"), Path("pasted"), max_epochs=1)
    train("unet", **overrides)
    commands = [line[2:] for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    written = [run / "pasted" / "scored" / "per_image.csv", run / "pasted" / "models" / "model.pt"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for command, file in zip(commands, written, strict=True):
        (run / "pasted" / "models" / "checkpoint.pt").unlink(missing_ok=True)  # else there is nothing left to train
        file.unlink()
        environment = {**os.environ, "PATH": path, "PYTHONPATH": ROOT}
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, file.is_file()) == (0, True), done.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_a_training_starts_from_weights_with_their_network_and_size(run, tmp_path, capsys):
    weights = str(run / "models" / "model.pt")
    places = {"dataset_dir": str(run / "data"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    train("unet", start_from=weights, recipe="common", max_epochs=1, batch_size=2, lr=1e-12, **places)
    printed = capsys.readouterr().out
    assert f"start_from.json\"]' --dataset_dir {run}" in printed and f" --start_from {weights} " in printed
    started, trained = (read_weights(path) for path in (weights, tmp_path / "model.pt"))
    dice = trained.provenance["validation"]["val_mean_dice"]
    assert f"model.pt (the best, of epoch 1: validation mean dice {dice:.4f})\n" in printed
    assert started.network == trained.network and started.preprocessing == trained.preprocessing
    assert trained.provenance["started_from"]["sha256"] == started.sha256
    assert trained.provenance["started_from"]["source"] == "folder" and trained.provenance["encoder"] is None
    assert torch.allclose(started.model["head.weight"], trained.model["head.weight"], atol=1e-6)
    train("unet", start_from=weights, recipe="common", max_epochs=2, batch_size=2, lr=1e-12, **places)
    assert [row["epoch"] for row in read_checkpoint(tmp_path / "checkpoint.pt")["training_log"]["rows"]] == [1, 2]
    without = tiny_overrides(run / "data", tmp_path, lr=1e-12, **places)
    with pytest.raises(WeightsError, match=rf"\(--start_from {started.sha256[:12]} there, none here\); give the same"):
        train("unet", recipe="common", **without)


def test_weights_to_start_from_are_not_passed_over_for_a_checkpoint(run):
    weights, overrides = str(run / "models" / "model.pt"), tiny_overrides(run / "data", run)
    places = {name: overrides[name] for name in ("dataset_dir", "ckpt_dir", "output_dir", "batch_size")}
    with pytest.raises(WeightsError, match=r"\(--start_from none there, [0-9a-f]{12} here\)"):
        train("unet", start_from=weights, recipe="common", **places)


def test_weights_of_another_architecture_are_neither_evaluated_nor_trained_on(run, tmp_path):
    weights = str(run / "models" / "model.pt")
    places = {"dataset_dir": str(run / "data"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    said = "model.pt holds UNet, bundle 'aunet' is AUNet; name its bundle"
    with pytest.raises(WeightsError, match=said):
        evaluate("aunet", weights=weights, **places)
    with pytest.raises(WeightsError, match=said):
        train("aunet", start_from=weights, **places)
    assert not list(tmp_path.iterdir())


def test_no_training_starts_from_a_mean_of_several(run, tmp_path):
    copy = shutil.copy(run / "models" / "model.pt", tmp_path / "other.pt")
    mean = join_weights([run / "models" / "model.pt", Path(copy)], bundle="unet")
    path = write_weights(mean, tmp_path / "mean.pt").path
    places = {"dataset_dir": str(run / "data"), "ckpt_dir": str(tmp_path / "new"), "output_dir": str(tmp_path / "new")}
    with pytest.raises(WrongCallError, match=r"mean\.pt is a mean of several networks, which is not trained; train"):
        train("unet", start_from=str(path), **places)
    assert not (tmp_path / "new").exists()


def test_missing_datalist_is_one_sentence(tmp_path):
    with pytest.raises(DatalistError, match="there is no datalist at .*mammoseg ingest"):
        train("unet", dataset_dir=str(tmp_path), ckpt_dir=str(tmp_path))


def test_missing_weights_are_one_sentence(run, tmp_path):
    with pytest.raises(WeightsError, match="no weights at"):
        evaluate("unet", dataset_dir=str(run / "data"), ckpt_dir=str(tmp_path))


def test_common_recipe_is_for_masses_only(tmp_path):
    with pytest.raises(WrongCallError, match="'se_fusion_bit' has no common_recipe"):
        train("se_fusion_bit", dataset_dir=str(tmp_path), recipe="common")


def test_a_training_is_not_continued_by_another_recipe(run):
    places = tiny_overrides(run / "data", run, max_epochs=1, lr=0.001)
    assert read_weights(run / "models" / "model.pt").provenance["recipe"] == "common"
    with pytest.raises(WeightsError, match=r"belongs to another run \(--recipe common there, paper here\)"):
        train("unet", **places)


def test_the_recipe_that_weights_record_is_that_of_the_call():
    paper = merge_config("unet", RECIPES["paper"])["provenance"]["choices"]["recipe"]
    common = merge_config("unet", RECIPES["common"])["provenance::choices::recipe"]
    assert [paper, common] == [*RECIPES]


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        ("checkpoint.pt", {}, "epochs that had ended are kept, and the same command goes on after"),
        ("checkpoint.pt", {"resume": False}, "are kept, and the same command without --resume false goes on after"),
        ("model.pt", {}, "stopped before an epoch had ended; nothing is kept, and the same command begins anew"),
    ],
)
def test_ctrl_c_says_what_is_kept(file, options, said, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    (tmp_path / file).touch()
    monkeypatch.setattr("mammoseg.training.workflow.run_workflow", interrupted)
    with pytest.raises(StoppedError, match=said) as stopped:
        train("unet", dataset_dir=str(tmp_path), ckpt_dir=str(tmp_path), **options)
    assert stopped.value.exit_code == 130


def test_ctrl_c_before_the_first_epoch_of_a_bundle_has_ended_says_that_nothing_is_kept(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mammoseg.training.workflow.run_workflow", interrupted)
    monkeypatch.setattr("mammoseg.training.workflow.locate_runs", lambda name: str(tmp_path / name))
    with pytest.raises(StoppedError, match="nothing is kept"):
        train("unet", dataset_dir=str(tmp_path))
    (tmp_path / "unet" / "models").mkdir(parents=True)
    (tmp_path / "unet" / "models" / "checkpoint.pt").touch()
    with pytest.raises(StoppedError, match="epochs that had ended are kept"):
        train("unet", dataset_dir=str(tmp_path))


def test_ctrl_c_in_an_evaluation_is_a_sentence_and_no_fault_to_be_traced(run, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mammoseg.inference.flips.FlipInferer.__call__", interrupted)
    with pytest.raises(StoppedError, match="so the same command begins anew"):
        evaluate("unet", dataset_dir=str(run / "data"), ckpt_dir=str(run / "models"), output_dir=str(tmp_path))
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said and "ERROR" not in said


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"max_epoch": 3}, "there is no option --max_epoch; did you mean --max_epochs\\?"),
        ({"max_epochs": "many"}, "max_epochs is 'many'; the config has 120, give a value of that kind"),
        ({"max_epochs": 1.5}, "max_epochs is 1.5"),
        ({"spatial_size": 64}, r"spatial_size is 64; the config has \[256, 256\]"),
        ({"resume": "no"}, "resume is 'no'; the config has True"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used on this machine"),
    ],
)
def test_override_that_cannot_be_is_a_wrong_call(override, said, tmp_path):
    write_tiny_dataset(tmp_path)
    with pytest.raises(WrongCallError, match=said):
        train("unet", dataset_dir=str(tmp_path), **override)


def test_device_may_be_named_plainly(tmp_path):
    with pytest.raises(DatalistError):  # which, as an expression, is read after the device
        train("unet", dataset_dir=str(tmp_path), datalist="$'nowhere'", device="cpu", lr=1, network_grid_only="$1 == 1")


def test_unknown_recipe_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="unknown recipe 'best'; known: paper, common"):
        train("unet", dataset_dir=str(tmp_path), recipe="best")
