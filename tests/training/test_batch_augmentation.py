"""Batches are changed by the draws of their images alone, image and label together."""

import math

import pytest
import torch
from torch import Tensor

from mammoseg.training.batch_augmentation import BatchAugmentation

ALL = {
    "rotation": 20.0,
    "log_scale": 0.25,
    "log_aspect": 0.15,
    "flip_up_down": 0.5,
    "log_gamma": 0.3,
    "brightness": 0.2,
    "noise": 0.05,
}


def batch(image: Tensor, label: Tensor | None = None, *, draws: list[int]) -> dict[str, Tensor]:
    return {"image": image, "label": image if label is None else label, "draw": torch.tensor(draws)}


def drawn_square(rows: int = 48, columns: int = 32) -> Tensor:
    """A bright square off the middle of a grey breast, one image of one channel."""
    image = torch.full((1, 1, rows, columns), 0.25)
    image[..., 10:18, 6:14] = 1.0
    image[..., 0, 0] = 0.0
    return image


def point(row: int, column: int, *, rows: int, columns: int) -> Tensor:
    image = torch.zeros(1, 1, rows, columns)
    image[..., row, column] = 1.0
    return image


def test_nothing_asked_for_changes_nothing():
    image = torch.rand(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))[:, :1].repeat(1, 3, 1, 1)
    label = (image[:, :1] > 0.5).float()
    same, same_label = BatchAugmentation()(batch(image, label, draws=[1, 2]))
    assert torch.allclose(same, image, atol=1e-6)
    assert torch.equal(same_label, label)


@pytest.mark.parametrize(("side", "row", "column"), [("flip_up_down", 4, 1), ("flip_left_right", 1, 2)])
def test_a_flip_moves_a_known_pixel(side, row, column):
    image = point(1, 1, rows=6, columns=4)
    flipped, label = BatchAugmentation(**{side: 1.0})(batch(image, draws=[3]))
    assert torch.allclose(flipped, point(row, column, rows=6, columns=4), atol=1e-5)
    assert torch.equal(label, point(row, column, rows=6, columns=4))


def test_what_an_image_becomes_depends_on_its_draw_alone():
    image = drawn_square().repeat(3, 1, 1, 1)
    together, _ = BatchAugmentation(**ALL)(batch(image, draws=[5, 6, 7]))
    alone, _ = BatchAugmentation(**ALL)(batch(image[:1], draws=[6]))
    assert torch.allclose(together[1], alone[0], atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=0.05)


def test_label_moves_with_the_image_and_keeps_its_values():
    image = drawn_square().repeat(16, 1, 1, 1)
    shape = {name: ALL[name] for name in ("rotation", "log_scale", "log_aspect", "flip_up_down")}
    warped, label = BatchAugmentation(**shape)(batch(image, (image == 1).float(), draws=list(range(16))))
    assert set(label.unique().tolist()) == {0.0, 1.0}
    seen = warped > 0.625
    overlap = 2 * (seen * label).sum((1, 2, 3)) / (seen.sum((1, 2, 3)) + label.sum((1, 2, 3)))
    assert overlap.min() > 0.9
    assert not torch.equal(label[0], label[1])


def test_a_rotation_keeps_the_distance_from_the_middle_on_a_grid_that_is_not_square():
    image = torch.zeros(8, 1, 65, 33)
    image[..., 32 + 12 - 1 : 32 + 12 + 2, 15:18] = 1.0  # 12 pixels below the middle
    _, label = BatchAugmentation(rotation=60.0)(batch(image, draws=list(range(8))))
    middles = [mask.nonzero().float().mean(0) for mask in label[:, 0]]
    for row, column in middles:
        assert math.hypot(row - 32, column - 16) == pytest.approx(12, abs=0.5)
    assert max(column for _, column in middles) - min(column for _, column in middles) > 5


def test_background_stays_and_fills_what_comes_from_outside():
    image = torch.full((4, 3, 16, 16), 2.0)
    image[..., 0, 0] = -1.0  # background of an image of mean 0
    warped, _ = BatchAugmentation(rotation=45.0, brightness=0.5)(batch(image, image[:, :1] * 0, draws=[0, 1, 2, 3]))
    assert warped[..., -1, -1].min() == -1.0
    assert warped.max() <= 2.0
    assert torch.equal(warped[:, 0], warped[:, 2])


def test_aspect_widens_or_heightens_and_keeps_the_area():
    image = torch.zeros(32, 1, 64, 64)
    image[..., 24:40, 24:40] = 1.0
    _, label = BatchAugmentation(log_aspect=0.5)(batch(image, draws=list(range(32))))
    width, height = label.amax(2).sum(2)[:, 0], label.amax(3).sum(2)[:, 0]
    ratio = (width / height).log()
    assert (width * height).sqrt().mean() == pytest.approx(16, abs=1)
    assert ratio.abs().max() < 0.6
    assert ratio.max() > 0.2 and ratio.min() < -0.2


def test_a_shift_goes_as_far_as_its_share_of_the_sides_and_no_further():
    image = point(20, 10, rows=40, columns=20).repeat(64, 1, 1, 1)
    _, label = BatchAugmentation(translation=0.2)(batch(image, draws=list(range(64))))
    rows, columns = label.nonzero()[:, 2] - 20, label.nonzero()[:, 3] - 10
    assert len(rows) == 64
    assert 6 <= rows.abs().max() <= 8 and 3 <= columns.abs().max() <= 4
    assert rows.min() < 0 < rows.max() and columns.min() < 0 < columns.max()
