"""Which names of segments and values say that they are masses: one rule for all programs' labels."""

import re

MASS = re.compile(r"(?<![^\W\d_])mass(es)?(?![^\W\d_])", re.IGNORECASE)
"""The word, with no letter before or after it."""


def says_mass(name: str) -> bool:
    """Whether a name speaks of a mass.

    Examples:
        >>> from mammoseg.mass_names import says_mass
        >>> [says_mass(name) for name in ("Mass_1", "mass1", "Lung masses", "biomass", "massive")]
        [True, True, True, False, False]
    """
    return MASS.search(name) is not None
