"""All hostile cases: files and containers, pixel description, clinical content."""

from tests.hostile.case import HostileCase
from tests.hostile.clinical import CASES as CLINICAL
from tests.hostile.files import CASES as FILES
from tests.hostile.pixels import CASES as PIXELS

CASES: list[HostileCase] = [*FILES, *PIXELS, *CLINICAL]
