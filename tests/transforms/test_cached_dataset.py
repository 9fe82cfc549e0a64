"""The cache gives what preprocessing gives, and never something old or half."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from monai.transforms import RandGaussianNoised

from mammoseg.transforms import cached_dataset
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.pipelines import preprocessing


@pytest.fixture
def records(tmp_path) -> list[dict]:
    image = np.zeros((40, 30), np.uint8)
    image[5:35, :20] = 100
    mask = np.zeros_like(image)
    mask[10:20, 5:15] = 255
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image + (name == "b") * (image > 0).astype(np.uint8) * 50)
        cv2.imwrite(str(tmp_path / f"{name}_mask.png"), mask)
    return [{"image": str(tmp_path / f"{n}.png"), "label": str(tmp_path / f"{n}_mask.png"), "id": n} for n in "ab"]


def dataset(records: list[dict], cache: Path | None, *, size: int = 16, **options) -> CachedDataset:
    return CachedDataset(records, preprocessing(spatial_size=[size, size]), cache_dir=cache, **options)


def noisy(records: list[dict], cache: Path) -> CachedDataset:
    return dataset(records, cache, random_transforms=[RandGaussianNoised("image", prob=1.0, std=1.0)])


def test_cached_item_equals_the_fresh_one_and_can_be_inverted(records, tmp_path):
    fresh, first = dataset(records, None)[0], dataset(records, tmp_path / "cache")[0]
    again = dataset(records, tmp_path / "cache")[0]
    assert torch.equal(first["image"], fresh["image"]) and torch.equal(again["image"], fresh["image"])
    assert len(again["image"].applied_operations) == len(fresh["image"].applied_operations) > 0


def test_second_reading_does_not_preprocess(records, tmp_path, monkeypatch):
    dataset(records, tmp_path / "cache")[0]
    second = dataset(records, tmp_path / "cache")
    monkeypatch.setattr(second, "preprocessing", type("Broken", (), {"settings": second.preprocessing.settings})())
    assert second[0]["id"] == "a"


def test_changed_image_and_changed_setting_are_preprocessed_anew(records, tmp_path):
    cache = tmp_path / "cache"
    before = dataset(records, cache)[0]["image"]
    assert dataset(records, cache, size=32)[0]["image"].shape == (3, 32, 32)
    cv2.imwrite(records[0]["image"], np.random.default_rng(0).integers(0, 255, (40, 30), np.uint8))
    assert not torch.equal(dataset(records, cache)[0]["image"], before)


def test_identity_of_a_record_is_never_cached(records, tmp_path):
    dataset(records, tmp_path / "cache")[0]
    renamed = [record | {"id": "new"} for record in records]
    assert dataset(renamed, tmp_path / "cache")[0]["id"] == "new"


def test_damaged_cache_file_is_made_again(records, tmp_path):
    whole = dataset(records, tmp_path / "cache")[0]["image"]
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(dataset(records, tmp_path / "cache")[0]["image"], whole)


def test_writer_that_dies_leaves_no_cache_file(records, tmp_path, monkeypatch):
    def die(item, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cached_dataset.torch, "save", die)
    with pytest.raises(KeyboardInterrupt):
        dataset(records, tmp_path / "cache")[0]
    assert list((tmp_path / "cache").iterdir()) == []


def test_random_transforms_depend_on_epoch_and_index_alone(records, tmp_path):
    left, right = noisy(records, tmp_path / "cache"), noisy(records, tmp_path / "cache")
    left.set_epoch(3)
    right.set_epoch(3)
    right[1]  # another order of reading
    assert torch.equal(left[0]["image"], right[0]["image"])
    right.set_epoch(4)
    assert not torch.equal(left[0]["image"], right[0]["image"])
