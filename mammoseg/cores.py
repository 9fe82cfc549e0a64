"""How many cores there are to work with."""

import os


def count_cores() -> int:
    """Cores that this process may use, which a container, a scheduler or taskset makes fewer than the machine has."""
    return len(os.sched_getaffinity(0))
