"""How this process treats memory that was freed."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of mallopt(3)."""


def keep_freed_memory() -> None:
    """Let glibc use freed memory again instead of giving it back to the system; with another library nothing happens.

    Networks and full-size mammograms free and take large blocks at every step, and the system clears each page that it
    gives anew: a third of a training step on a CPU (docs/results/speed_cpu.md). The process keeps its peak of memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
