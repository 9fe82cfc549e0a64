"""Pixel descriptions that no single grey image has, or that decoders believe: rows 22 to 47."""

from tests.hostile.case import HostileCase, with_attributes

CASES: list[HostileCase] = [
    HostileCase(22, "no-rows", "Rows 0", with_attributes(Rows=0), "E_SIZE"),
]
