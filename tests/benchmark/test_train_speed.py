"""The benchmark of training runs three loops on as many images, and says what it measured."""

import pytest
import torch

from mammoseg.benchmark.train_speed import PlainImages, benchmark_train
from mammoseg.data.datalist import load_section
from mammoseg.errors import WrongCallError
from tests.tiny_run import write_tiny_dataset

TINY = {"network_def::channels": [4, 8], "precision": "float32", "device": "$torch.device('cpu')"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"))


def test_the_three_loops_take_turns_and_the_stall_is_what_the_bare_loop_does_not_need(dataset):
    measured = benchmark_train(
        dataset, side=32, batch=2, images=5, rounds=2, workers=0, threads=torch.get_num_threads(), **TINY
    )
    assert measured["images"] == 4  # two whole batches of five images
    assert measured["images_per_second"].keys() == {"mammoseg", "bare", "plain"}
    assert min(measured["images_per_second"].values()) > 0
    assert len(measured["stall_percent_of_rounds"]) == 2
    assert measured["stall_percent"] == pytest.approx(sum(measured["stall_percent_of_rounds"]) / 2, abs=0.1)
    assert measured["precision"] == "float32"
    assert measured["extra_processor_time_percent"] < 100


def test_too_few_images_for_a_batch_are_refused(dataset):
    with pytest.raises(WrongCallError, match="5 images do not fill a batch of 8"):
        benchmark_train(dataset, images=5)


def test_the_plain_loop_sees_image_and_mask_moved_alike(dataset):
    images = PlainImages(load_section(dataset / "datalist.json", "training"), side=64)
    for index in range(len(images)):
        image, label = images[index]
        assert image.shape == (3, 64, 64) and label.shape == (1, 64, 64)
        assert set(label.unique().tolist()) <= {0.0, 1.0}
        assert image[:1][label == 1].mean() > image[:1][label == 0].mean() and torch.equal(image[0], image[2])
