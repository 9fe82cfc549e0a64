"""A mass is what a name calls so, as a word of its own."""

import pytest

from mammoseg.mass_names import says_mass


@pytest.mark.parametrize(
    "name",
    [
        "mass",
        "Masses",
        "Mass_1",
        "mass1",
        "1mass",
        "MASS-2",
        "left mass (CC)",
        "\u00e9 mass",
        "LeftMass",
        "massLeft",
        "LeftMasses2",
    ],
)
def test_a_name_with_the_word_says_mass(name):
    assert says_mass(name)


@pytest.mark.parametrize(
    "name", ["", "biomass", "massive", "Massachusetts", "MASSIVE", "amasses", "Segment_1", "\u00e9mass"]
)
def test_letters_of_another_word_do_not(name):
    assert not says_mass(name)
