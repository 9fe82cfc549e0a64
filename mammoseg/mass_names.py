"""Which names of segments and values say that they are masses: one rule for all programs' labels."""

import re

MASS = re.compile(
    r"(?<![^\W\d_])(?i:mass(es)?)(?![^\W\d_])|(?<=[a-z])Mass(es)?(?![a-z])|(?<![^\W\d_])[Mm]ass(es)?(?=[A-Z])"
)
"""The word, with no letter before or after it; or told from them by a capital, as in LeftMass and massLeft."""


def says_mass(name: str) -> bool:
    """Whether a name speaks of a mass.

    Examples:
        >>> from mammoseg.mass_names import says_mass
        >>> [says_mass(name) for name in ("Mass_1", "mass1", "LeftMass", "biomass", "massive")]
        [True, True, True, False, False]
    """
    return MASS.search(name) is not None
