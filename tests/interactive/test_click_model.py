"""The network as an interactive model; here a stand-in that takes what is bright for a mass."""

import numpy as np
import pytest

from mammoseg.errors import WrongCallError
from mammoseg.inference.predictor import Predictor
from mammoseg.interactive.click_model import ClickModel, load_click_model
from mammoseg.interactive.clicks import CLICK_RADIUS_PIXELS
from mammoseg.interactive.prompts import Prompts
from mammoseg.metrics.overlap import compute_dice
from mammoseg.training.workflow import evaluate
from tests.deploy.made_weights import write_weights
from tests.interactive.made_masses import bright_network, made_film

IMAGE, (LARGE, SMALL) = made_film()


@pytest.fixture
def model() -> ClickModel:
    return ClickModel(bright_network, grid=64)


@pytest.mark.parametrize(
    ("prompts", "mass"),
    [
        (Prompts(foreground=np.array([[60.0, 50.0]])), LARGE),
        (Prompts(foreground=np.array([[120.0, 70.0]])), SMALL),
        (Prompts(box=(44, 24, 76, 76)), LARGE),
        (Prompts(inside=(np.array([[60.0, 40.0], [60.0, 60.0]]),)), LARGE),
    ],
    ids=["click", "click on the small one", "box", "stroke"],
)
def test_prompts_outline_the_mass_that_they_mean_and_no_other(model, prompts, mass):
    assert compute_dice(model.segment(model.prepare(IMAGE), prompts), mass) > 0.9


def test_an_answer_is_on_the_grid_of_a_large_image_too(model):
    large = np.kron(IMAGE, np.ones((9, 9), np.float32))
    prompts = Prompts(foreground=np.array([[60.0, 50.0]]) * 9 + 4)
    mask = model.segment(model.prepare(large), prompts)
    assert mask.shape == large.shape and mask.dtype == bool
    assert compute_dice(mask, np.kron(LARGE, np.ones((9, 9), bool))) > 0.9


def test_a_click_out_takes_what_it_was_made_on_away_though_the_network_insists(model):
    prepared = model.prepare(IMAGE)
    first = Prompts(foreground=np.array([[60.0, 34.0]]))
    mask = model.segment(prepared, first)
    out = np.array([[60.0, 66.0]])
    corrected = model.segment(prepared, Prompts(first.foreground, out, mask=mask))
    rows, columns = np.ogrid[:160, :160]
    near = np.hypot(rows - 60, columns - 66) <= CLICK_RADIUS_PIXELS
    assert mask[near].any() and not corrected[near].any() and corrected[60, 34]


def test_a_correction_leaves_the_mask_so_far_alone_where_it_is_far_from_the_click(model):
    mask = LARGE.copy()
    mask[:, 60:] = False  # a third is missed
    corrected = model.segment(model.prepare(IMAGE), Prompts(foreground=np.array([[60.0, 66.0]]), mask=mask))
    assert compute_dice(corrected, LARGE) > compute_dice(mask, LARGE)
    assert (corrected ^ mask)[:, :40].sum() < 0.1 * LARGE.sum()


def test_an_answer_is_the_mean_over_mirror_images():
    def answers_on_the_left(inputs: np.ndarray) -> np.ndarray:
        logits = np.full_like(inputs[:, :1], -9)
        logits[..., : inputs.shape[-1] // 2] = 9
        return logits

    for threshold, found in ((0.49, True), (0.51, False)):  # half of the mirror images say yes everywhere
        model = ClickModel(answers_on_the_left, grid=64, threshold=threshold)
        mask = model.segment(model.prepare(IMAGE), Prompts(box=(60, 60, 76, 76)))
        assert mask[61, 61] == mask[61, 75] == found


def test_an_answer_is_the_mean_over_three_squares():
    sides = []
    for threshold in (0.9, 0.6, 0.3):  # all three, two, one of them say yes
        model = ClickModel(lambda inputs: np.full_like(inputs[:, :1], 9), grid=64, threshold=threshold)
        mask = model.segment(model.prepare(IMAGE), Prompts(box=(60, 60, 90, 90)))
        sides.append(int(mask.any(1).sum()))
    assert sides == pytest.approx([0.8 * 60, 60, 1.25 * 60], abs=2)


def test_the_same_prompts_get_the_same_answer(model):
    prompts = Prompts(foreground=np.array([[60.0, 50.0]]))
    prepared = model.prepare(IMAGE)
    assert (model.segment(prepared, prompts) == model.segment(prepared, prompts)).all()


def test_a_network_that_finds_nothing_gives_an_empty_mask():
    model = ClickModel(lambda inputs: np.full_like(inputs[:, :1], -9), grid=64)
    assert not model.segment(model.prepare(IMAGE), Prompts(foreground=np.array([[60.0, 50.0]]))).any()


def test_commands_that_look_at_whole_films_refuse_the_bundle():
    with pytest.raises(WrongCallError, match="the network of bundle 'click_unet' needs prompts"):
        Predictor("click_unet")
    with pytest.raises(WrongCallError, match=r"'click_unet' needs prompts; it is measured by: .*benchmark.py prompts"):
        evaluate("click_unet", dataset_dir=".")


@pytest.mark.parametrize("runtime", ["torch", pytest.param("openvino", marks=pytest.mark.slow)])
def test_weights_of_the_bundle_answer_in_either_engine(tmp_path, monkeypatch, runtime):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path))
    model = load_click_model(write_weights("click_unet", tmp_path / "w.pt"), runtime=runtime)
    assert (model.grid, model.threshold) == (64, 0.5)
    mask = model.segment(model.prepare(IMAGE), Prompts(foreground=np.array([[60.0, 50.0]])))
    assert mask.shape == IMAGE.shape and not mask.any()
