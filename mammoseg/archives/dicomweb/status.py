"""Why an archive did not take an instance: Failure Reason of STOW-RS (PS3.18 I.2.2), status of C-STORE (PS3.4 B.2)."""

ALREADY_THERE = 0x0111
"""The archive has an instance of this SOP Instance UID."""

REASONS = {
    0x0105: "it finds an attribute that it does not allow",
    0x0110: "it failed while processing it",
    ALREADY_THERE: "it has an instance of this UID already",
    0x0117: "it takes the UID for invalid",
    0x0122: "it does not take objects of this SOP class",
    0x0124: "it does not allow this user to store",
    0xC122: "it does not take this transfer syntax",
}

CLASSES = {0xA7: "it has no room left", 0xA9: "it says that the data set does not match its SOP class"}
"""By the first byte, where the second is the archive's own."""


def say_failure(status: int) -> str:
    """The reason as words that go on behind 'the archive refuses it:', with the number."""
    known = REASONS.get(status) or CLASSES.get(status >> 8) or "it does not understand it"
    return f"{known} (status {status:04X})"


def is_success(status: int) -> bool:
    """Whether the instance is stored: without or with a warning (an attribute coerced or left out)."""
    return status == 0 or status >> 12 == 0xB
