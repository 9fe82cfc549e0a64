"""The phantom breast has the statistics, the geometry and the masses that it promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from mammoseg.data.phantom_breast import Breast, draw_breast, draw_view
from mammoseg.data.phantom_mass import Mass, draw_mass
from mammoseg.data.phantom_texture import draw_power_law_noise

MASS = Mass(spiculated=False, area=0.004)
BREAST = Breast(depth=0.5, height=0.8, density=2, masses=(MASS,))


def draw(*, seed=0, size=256, view="CC", laterality="L", breast=BREAST):
    rng = np.random.default_rng(seed)
    pixels, lesions = draw_view(rng, size=size, view=view, laterality=laterality, breast=breast, artefacts=False)
    return pixels.astype(float), lesions


def brightness_of_the_mass(mass):
    """What the mass adds to the image, in pixel values, and its core."""
    with_mass, (core,) = draw(breast=replace(BREAST, masses=(mass,)))
    without, _ = draw(breast=replace(BREAST, masses=(replace(mass, contrast=0.0),)))
    return with_mass - without, core


def radial_power_slope(image):
    power = np.abs(np.fft.fft2(image)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(image.shape[0]), np.fft.fftfreq(image.shape[1])))
    band = (frequency > 0.02) & (frequency < 0.4)
    return np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]


def test_texture_power_falls_as_the_third_power_of_frequency():
    noise = draw_power_law_noise(np.random.default_rng(0), (256, 256))
    assert radial_power_slope(noise) == pytest.approx(-3, abs=0.05)


def test_texture_has_mean_0_and_standard_deviation_1():
    noise = draw_power_law_noise(np.random.default_rng(0), (130, 70))
    assert noise.shape == (130, 70)
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-4)


def test_drawn_mass_areas_have_the_percentiles_of_real_masses():
    rng = np.random.default_rng(0)
    areas = [draw_mass(rng).area for _ in range(5000)]
    assert np.percentile(areas, [5, 50, 95]) == pytest.approx([0.0008, 0.0027, 0.011], rel=0.12)


@pytest.mark.parametrize("spiculated", [False, True])
@pytest.mark.parametrize("area", [0.0008, 0.0027, 0.011])
def test_the_core_has_the_area_asked_for(spiculated, area):
    _, (core,) = draw(size=512, breast=replace(BREAST, masses=(Mass(spiculated=spiculated, area=area),)))
    assert core.mean() == pytest.approx(area, rel=0.05)


def test_the_core_is_one_piece():
    _, (core,) = draw(breast=replace(BREAST, masses=(Mass(spiculated=True, area=0.01),)))
    assert ndimage.label(core)[1] == 1


def test_a_mass_is_brighter_than_the_ring_around_it():
    pixels, (core,) = draw()
    ring = ndimage.binary_dilation(core, iterations=6) & ~ndimage.binary_dilation(core, iterations=2)
    assert pixels[core].mean() > pixels[ring].mean() + 0.1 * 4095


def test_a_round_mass_stays_inside_its_core():
    brightness, core = brightness_of_the_mass(MASS)
    assert brightness[~ndimage.binary_dilation(core, iterations=4)].max() < 0.01 * 4095


def test_a_spiculated_mass_reaches_beyond_its_core():
    brightness, core = brightness_of_the_mass(replace(MASS, spiculated=True))
    assert brightness[~ndimage.binary_dilation(core, iterations=4)].max() > 0.05 * 4095


def test_size_is_the_rows_and_columns_are_four_fifths():
    pixels, (core,) = draw(size=200)
    assert pixels.shape == core.shape == (200, 160)


@pytest.mark.parametrize("view", ["CC", "MLO"])
@pytest.mark.parametrize(("laterality", "wall", "air"), [("L", 0, -1), ("R", -1, 0)])
def test_the_chest_wall_is_left_in_left_breasts_and_right_in_right_ones(view, laterality, wall, air):
    pixels, _ = draw(view=view, laterality=laterality)
    assert pixels[128, wall] > 0.2 * 4095 > 0.1 * 4095 > pixels[128, air]


def test_a_right_breast_is_the_mirrored_left_one():
    (left, (left_core,)), (right, (right_core,)) = draw(laterality="L"), draw(laterality="R")
    assert np.array_equal(left, right[:, ::-1])
    assert np.array_equal(left_core, right_core[:, ::-1])


def test_the_pectoral_muscle_is_in_the_upper_corner_of_mlo_only():
    assert draw(view="MLO")[0][:10, :10].mean() > 0.5 * 4095
    assert draw(view="CC")[0][:10, :10].mean() < 0.1 * 4095


def test_both_views_show_the_mass_at_the_same_distance_from_the_chest_wall():
    columns = [ndimage.center_of_mass(draw(view=view)[1][0])[1] for view in ("CC", "MLO")]
    assert columns == pytest.approx([0.25 * 256] * 2, abs=0.02 * 256)


def test_every_mass_lies_in_the_breast_and_apart_from_the_others():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        breast = draw_breast(rng, masses=[draw_mass(rng), draw_mass(rng)])
        pixels, (one, other) = draw(seed=seed, size=128, view="MLO", breast=breast)
        assert one.any() and other.any() and not (one & other).any()
        assert pixels[one | other].min() > 0.1 * 4095


def test_a_breast_without_masses_has_no_lesions():
    assert draw(breast=replace(BREAST, masses=()))[1] == []


def test_the_same_generator_state_draws_the_same_image():
    one, other = (draw_view(np.random.default_rng(5), size=128)[0] for _ in range(2))
    assert np.array_equal(one, other)


def test_pixels_are_12_bit():
    pixels, _ = draw_view(np.random.default_rng(0), size=128)
    assert pixels.dtype == np.uint16
    assert pixels.max() <= 4095


def test_the_lead_marker_is_far_from_the_chest_wall():
    plain, _ = draw_view(np.random.default_rng(1), size=256, breast=BREAST, artefacts=False)
    marked, _ = draw_view(np.random.default_rng(1), size=256, breast=BREAST)
    changed = np.argwhere(plain != marked)
    assert changed[:, 1].min() > 0.6 * 205 and changed[:, 0].max() < 0.2 * 256


def test_some_images_have_a_white_film_border():
    def edges(seed):
        pixels, _ = draw_view(np.random.default_rng(seed), size=64)
        return pixels[0], pixels[-1], pixels[:, 0]

    bordered = [any(edge.min() > 0.85 * 4095 for edge in edges(seed)) for seed in range(60)]
    assert 0.05 < np.mean(bordered) < 0.4
