"""Training and evaluation by name do what MONAI's command does, and end on a sentence when something is wrong."""

import pytest

from mammoseg.checkpoints import WeightsError
from mammoseg.data.datalist import DatalistError
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import read_per_image
from mammoseg.workflow import evaluate, train
from tests.tiny_run import tiny_overrides, write_tiny_dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train("unet", recipe="common", **tiny_overrides(write_tiny_dataset(folder / "data"), folder, max_epochs=1))
    return folder


def test_evaluation_takes_network_and_size_from_the_weights(run, tmp_path):
    weights = str(run / "models" / "model.pt")
    evaluate("unet", dataset_dir=str(run / "data"), weights=weights, output_dir=str(tmp_path))
    assert len(read_per_image(tmp_path / "per_image.csv")) == 6  # three images on two grids


def test_equivalent_monai_command_is_printed(run, tmp_path, capsys):
    evaluate("unet", dataset_dir=str(run / "data"), ckpt_dir=str(run / "models"), output_dir=str(tmp_path))
    printed = capsys.readouterr().out
    assert "$ python -m monai.bundle run evaluating --config_file '[\"" in printed
    assert " on the original grid, mean of 3 images" in printed and str(tmp_path / "per_image.csv") in printed


def test_missing_datalist_is_one_sentence(tmp_path):
    with pytest.raises(DatalistError, match="there is no datalist at .*mammoseg ingest"):
        train("unet", dataset_dir=str(tmp_path), ckpt_dir=str(tmp_path))


def test_missing_weights_are_one_sentence(run, tmp_path):
    with pytest.raises(WeightsError, match="no weights at"):
        evaluate("unet", dataset_dir=str(run / "data"), ckpt_dir=str(tmp_path))


def test_common_recipe_is_for_masses_only(tmp_path):
    with pytest.raises(WrongCallError, match="'se_fusion_bit' has no common_recipe"):
        train("se_fusion_bit", dataset_dir=str(tmp_path), recipe="common")


def test_unknown_recipe_is_refused(tmp_path):
    with pytest.raises(WrongCallError, match="unknown recipe 'best'; known: paper, common"):
        train("unet", dataset_dir=str(tmp_path), recipe="best")
