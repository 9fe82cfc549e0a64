"""Clinical content that no mammogram should have: rows 48 to 66."""

from tests.hostile.case import HostileCase, with_attributes

CASES: list[HostileCase] = [
    HostileCase(48, "ct", "Modality CT", with_attributes(Modality="CT"), "E_MODALITY"),
]
