"""The reader of files of torch.save gives what torch.load gives, and survives any one flipped bit."""

import numpy as np
import pytest
import torch

from mammoseg.checkpoints.torch_file import read_torch_file
from mammoseg.checkpoints.weights_file import WeightsError
from tests.hostile.bad_checkpoints import saved, sound_content


def same(left, right) -> bool:
    """Whether two contents are equal, tensors by kind and value."""
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def test_a_training_with_its_optimizer_and_schedule_is_read_as_torch_load_reads_it(tmp_path):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])
    network(torch.rand(2, 1, 8, 8)).sum().backward()
    optimizer.step()
    parts = {"model": network, "optimizer": optimizer, "lr_scheduler": schedule}
    content = {name: part.state_dict() for name, part in parts.items()}
    torch.save(content, tmp_path / "checkpoint.pt")
    assert same(read_torch_file(tmp_path / "checkpoint.pt"), torch.load(tmp_path / "checkpoint.pt", weights_only=True))


@pytest.mark.parametrize(
    "content",
    [
        [None, True, False, 0, -1, 2**40, 1.5, float("inf"), "", "\u00fc\n", (), (1,), [[]], {1: {}}],
        [torch.tensor(3.0), torch.zeros(0), torch.arange(6.0).reshape(2, 3)[1], torch.arange(4)],
        [torch.ones(2, dtype=kind) for kind in (torch.float16, torch.bfloat16, torch.float64)],
    ],
    ids=["plain values", "shapes", "kinds"],
)
def test_plain_values_and_tensors_are_read_as_torch_load_reads_them(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    assert same(read_torch_file(tmp_path / "a.pt"), torch.load(tmp_path / "a.pt", weights_only=True))


def test_tensors_of_one_storage_share_it(tmp_path):
    whole = torch.arange(4.0)
    torch.save([whole, whole[2:]], tmp_path / "a.pt")
    whole, half = read_torch_file(tmp_path / "a.pt")
    whole[2] = 7
    assert half[0] == 7


def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    path, sound = tmp_path / "a.pt", saved(sound_content())
    random, refused = np.random.default_rng(0), 0
    for place in random.choice(len(sound), 400, replace=False):
        flipped = bytearray(sound)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        try:
            assert same(read_torch_file(path), sound_content()), f"byte {place}"
        except WeightsError:
            refused += 1
    assert refused > 200  # the others are padding, dates and modes of entries


def test_every_flipped_bit_of_a_number_is_refused(tmp_path):
    path, sound = tmp_path / "a.pt", saved({"a": torch.full((8,), 3.0)})
    start = sound.index(np.full(8, 3.0, np.float32).tobytes())
    for bit in range(8 * 32):
        flipped = bytearray(sound)
        flipped[start + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(WeightsError, match="damaged"):
            read_torch_file(path)
