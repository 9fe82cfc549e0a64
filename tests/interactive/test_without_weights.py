"""The interactive models that have no weights, on a mass whose outline is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.region_growing import RegionGrowing
from mammoseg.metrics.overlap import compute_dice

MODELS = [RandomWalker(), RegionGrowing()]
SHAPE = (600, 480)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(rows - row, columns - column) <= radius


MASS = disc(300, 200, 45)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    grain = np.random.default_rng(0).normal(0, 0.02, SHAPE)
    return (gaussian_filter(0.3 + 0.4 * MASS, 3) + grain).astype(np.float32)


def found(model: InteractiveModel, image: np.ndarray, **prompts: object) -> np.ndarray:
    mask = model.segment(model.prepare(image), Prompts(**prompts))
    assert mask.shape == SHAPE and mask.dtype == bool
    return mask


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(compute_dice(mask, truth))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_one_click_outlines_a_bright_mass(model, image):
    assert dice(found(model, image, foreground=np.array([[290.0, 210.0]])), MASS) > 0.93


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_box_outlines_the_mass_in_it_and_nothing_beside(model, image):
    mask = found(model, image, box=(250.0, 150.0, 350.0, 250.0))
    assert dice(mask, MASS) > 0.93
    rows, columns = np.nonzero(mask)
    assert rows.min() >= 249 and rows.max() <= 350 and columns.min() >= 149 and columns.max() <= 250


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_no_pixel_of_a_click_or_stroke_outside_is_in_the_mask(model, image):
    stroke = np.array([[260.0, 180.0], [340.0, 180.0]])
    mask = found(
        model, image, foreground=np.array([[300.0, 215.0]]), background=np.array([[300.0, 160.0]]), outside=(stroke,)
    )
    assert mask[300, 215]
    assert not mask[260:341, 180].any() and not mask[295:306, 155:166].any()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_click_on_what_the_mask_so_far_leaves_out_adds_it(model, image):
    half = MASS & (np.arange(SHAPE[1]) < 195)
    mask = found(model, image, foreground=np.array([[300.0, 225.0]]), mask=half)
    assert dice(mask, MASS) > dice(half, MASS) + 0.1


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("corner", [(0.0, 0.0), (599.0, 479.0)])
def test_a_click_in_a_corner_of_the_image_is_in_the_mask(model, image, corner):
    assert found(model, image, foreground=np.array([corner]))[int(corner[0]), int(corner[1])]


def test_what_is_far_from_the_prompts_is_not_computed_on(image):
    changed = image.copy()
    changed[500:] = np.nan
    click = np.array([[300.0, 200.0]])
    assert np.array_equal(found(MODELS[0], changed, foreground=click), found(MODELS[0], image, foreground=click))
