"""A small breast with two masses, and what the tests of `predict` make of it."""

import numpy as np
import pytest


@pytest.fixture
def mass():
    """Discs of radius 8 and 5 in the upper left and the lower right, bool (80, 60)."""
    y, x = np.ogrid[:80, :60]
    return ((y - 20) ** 2 + (x - 15) ** 2 <= 64) | ((y - 60) ** 2 + (x - 45) ** 2 <= 25)


@pytest.fixture
def breast():
    """Where tissue is, bool (80, 60): all but six columns of background at the right."""
    return np.indices((80, 60))[1] < 54


@pytest.fixture
def pixels(mass, breast):
    return np.where(mass, 4000, 800 * breast)
