"""The cache gives what preprocessing gives, and never something old or half."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from monai.transforms import Invertd, RandGaussianNoised
from torch.utils.data import DataLoader, Dataset

from mammoseg.transforms import cache_file, cached_dataset
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.pipelines import build_film_preprocessing


@pytest.fixture
def records(tmp_path) -> list[dict]:
    image = np.zeros((40, 30), np.uint8)
    image[5:35, :20] = np.random.default_rng(1).integers(50, 150, (30, 20), np.uint8)
    mask = np.zeros_like(image)
    mask[10:20, 5:15] = 255
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image + (name == "b") * (image > 0).astype(np.uint8) * 50)
        cv2.imwrite(str(tmp_path / f"{name}_mask.png"), mask)
    return [{"image": str(tmp_path / f"{n}.png"), "label": str(tmp_path / f"{n}_mask.png"), "id": n} for n in "ab"]


def dataset(records: list[dict], cache: Path | None, *, size: int = 16, **options) -> CachedDataset:
    return CachedDataset(records, build_film_preprocessing(spatial_size=[size, size]), cache_dir=cache, **options)


def noisy(records: list[dict], cache: Path, **options) -> CachedDataset:
    return dataset(records, cache, random_transforms=[RandGaussianNoised("image", prob=1.0, std=1.0)], **options)


def test_cached_item_equals_the_fresh_one_and_can_be_inverted(records, tmp_path):
    fresh, first = dataset(records, None)[0], dataset(records, tmp_path / "cache")[0]
    again = dataset(records, tmp_path / "cache")[0]
    assert torch.equal(first["image"], fresh["image"]) and torch.equal(again["image"], fresh["image"])
    assert len(again["image"].applied_operations) == len(fresh["image"].applied_operations) > 0
    prepare = build_film_preprocessing(spatial_size=[16, 16])
    invert = Invertd("image", transform=prepare, orig_keys="image")
    exact = prepare({key: records[0][key] for key in ("image", "label")})
    assert torch.allclose(invert(again)["image"], invert(exact)["image"], rtol=0, atol=1 / 4096)


@pytest.mark.parametrize(("intensity", "kind"), [("unit", np.float16), ("zscore", np.float32)])
def test_no_value_moves_by_more_than_a_4096th_of_the_range(intensity, kind, tmp_path):
    pixels = np.random.default_rng(0).normal(40_000, 1000, (64, 64)).astype(np.uint16)
    pixels[:, 50:] = 0  # so far below the tissue that z-scores of -40 are left to float32
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    prepare = build_film_preprocessing(
        spatial_size=[64, 64], crop_to_breast=False, crop_border=False, intensity=intensity
    )
    item = {"image": str(tmp_path / "a.png")}
    exact, kept = prepare(item)["image"], CachedDataset([item], prepare, cache_dir=tmp_path / "cache")[0]["image"]
    assert (kept - exact).abs().max() <= (exact.max() - exact.min()) / 4096
    (path,) = (tmp_path / "cache").iterdir()
    with np.load(path) as arrays:
        assert arrays["image"].dtype == kind


def test_file_holds_one_channel_in_half_precision_and_the_mask_in_bytes(records, tmp_path):
    assert dataset(records, tmp_path / "cache")[0]["image"].shape == (3, 16, 16)
    (path,) = (tmp_path / "cache").iterdir()
    with np.load(path, allow_pickle=False) as arrays:
        kept = {name: (arrays[name].dtype, arrays[name].shape) for name in ("image", "label")}
    assert kept == {"image": (np.float16, (1, 16, 16)), "label": (np.uint8, (1, 16, 16))}


def test_plain_tensors_have_the_values_of_traced_ones(records, tmp_path):
    traced, plain = (dataset(records, tmp_path / "cache", traced=traced)[0] for traced in (True, False))
    assert type(plain["image"]) is torch.Tensor
    assert all(torch.equal(traced[key].as_tensor(), plain[key]) for key in ("image", "label"))
    changed = noisy(records, tmp_path / "cache", traced=False)[0]["image"]
    assert type(changed) is torch.Tensor  # MONAI's own transforms give MetaTensors
    assert torch.equal(changed, noisy(records, tmp_path / "cache")[0]["image"].as_tensor())


def test_a_set_that_fits_is_read_from_disk_once(records, tmp_path):
    held = dataset(records, tmp_path / "cache")
    before = [held[index]["image"] for index in range(2)]
    shutil.rmtree(tmp_path / "cache")
    assert all(torch.equal(held[index]["image"], before[index]) for index in range(2))
    assert not (tmp_path / "cache").exists()


def test_a_set_larger_than_its_share_of_memory_is_read_each_time(records, tmp_path, monkeypatch):
    monkeypatch.setattr(cached_dataset, "MEMORY_SHARE", 0.0)
    read_again = dataset(records, tmp_path / "cache")
    read_again[0]
    shutil.rmtree(tmp_path / "cache")
    read_again[0]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_is_done_to_an_item_never_reaches_the_next_reading(records, tmp_path):
    held = dataset(records, tmp_path / "cache")
    held[0]["image"].fill_(7.0)
    assert held[0]["image"].max() == 1.0
    assert held[0]["image"].applied_operations is not held[0]["image"].applied_operations


def test_two_processes_that_fill_one_cache_give_the_same_items(records, tmp_path):
    alone = [item["image"] for item in dataset(records, None)]
    twice = dataset(records * 8, tmp_path / "cache")
    batches = DataLoader(twice, batch_size=2, num_workers=2, collate_fn=lambda items: [i["image"] for i in items])
    for batch in batches:
        assert all(torch.equal(image, fresh) for image, fresh in zip(batch, alone, strict=True))
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".npz", ".npz"]


class WithFiles(Dataset):
    """Items, each with the files of the cache after it was read."""

    def __init__(self, items: CachedDataset) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> set[tuple[str, int]]:
        self.items[index]
        return {(path.name, path.stat().st_ino) for path in self.items.cache_dir.glob("[!.]*.npz")}


def test_a_file_is_written_once_by_the_process_that_comes_first(records, tmp_path):
    image = cv2.imread(records[0]["image"], cv2.IMREAD_GRAYSCALE)
    many = []
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.maximum(image, number))
        many += [records[0] | {"image": str(tmp_path / f"{number}.png")}] * 2  # the two take the same image by turns
    items = WithFiles(dataset(many, tmp_path / "cache"))
    seen = set().union(*DataLoader(items, batch_size=None, num_workers=2, collate_fn=set))
    assert len(seen) == len({name for name, _ in seen}) == 12
    assert len(list((tmp_path / "cache").iterdir())) == 12


def test_a_file_system_without_links_takes_the_cache_too(records, tmp_path, no_links):
    whole = dataset(records, tmp_path / "cache")[0]["image"]
    assert torch.equal(dataset(records, tmp_path / "cache")[0]["image"], whole)
    assert len(list((tmp_path / "cache").iterdir())) == 1


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


def cut(content: bytes) -> bytes:
    return content[:100]


def one_bit_turned(content: bytes) -> bytes:
    middle = content.index(b"\x93NUMPY") + 200
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, one_bit_turned])
def test_damaged_cache_file_is_made_again(damage, records, tmp_path):
    whole = dataset(records, tmp_path / "cache")[0]["image"]
    (path,) = (tmp_path / "cache").iterdir()
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert torch.equal(dataset(records, tmp_path / "cache")[0]["image"], whole)
    assert len(path.read_bytes()) == len(good) and path.read_bytes() != damage(good)


def test_cache_file_that_would_run_code_is_not_read_but_made_again(records, tmp_path):
    whole = dataset(records, tmp_path / "cache")[0]["image"]
    (path,) = (tmp_path / "cache").iterdir()
    np.savez(path, image=np.array([print], dtype=object), label=np.zeros(1), trace=np.zeros(1))
    assert torch.equal(dataset(records, tmp_path / "cache")[0]["image"], whole)


def test_writer_that_dies_leaves_no_cache_file(records, tmp_path, monkeypatch):
    def die(path, **arrays):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_file.np, "savez", die)
    with pytest.raises(KeyboardInterrupt):
        dataset(records, tmp_path / "cache")[0]
    assert list((tmp_path / "cache").iterdir()) == []


def test_name_of_an_item_is_that_of_its_record_not_of_the_one_that_filled_the_cache(records, tmp_path):
    dataset(records, tmp_path / "cache")[0]
    moved = str(Path(records[0]["image"]).rename(tmp_path / "moved.png"))
    item = dataset([records[0] | {"image": moved}], tmp_path / "cache")[0]
    assert item["image"].meta["filename_or_obj"] == moved
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_random_transforms_depend_on_epoch_and_index_alone(records, tmp_path):
    left, right = noisy(records, tmp_path / "cache"), noisy(records, tmp_path / "cache")
    left.set_epoch(3)
    right.set_epoch(3)
    right[1]  # another order of reading
    assert torch.equal(left[0]["image"], right[0]["image"])
    right.set_epoch(4)
    assert not torch.equal(left[0]["image"], right[0]["image"])


def test_where_patches_are_cut_an_item_is_a_mass(records, tmp_path):
    other = np.zeros((40, 30), np.uint8)
    other[25:30, 5:10] = 255
    cv2.imwrite(str(tmp_path / "other.png"), other)
    masks = [records[0]["label"], str(tmp_path / "other.png")]
    data = [records[0] | {"image_id": "a", "has_mass": True, "instances": json.dumps(masks)}]
    off = {"crop_border": False, "crop_to_breast": False, "remove_background": False}
    patches = CachedDataset(
        data, build_film_preprocessing(spatial_size=[8, 8], patch_area=1, **off), cache_dir=tmp_path / "cache"
    )
    assert [(item["image_id"], item["label"].mean()) for item in patches] == [("a.mass-1", 1), ("a.mass-2", 1)]
    assert not torch.equal(patches[0]["image"], patches[1]["image"])
