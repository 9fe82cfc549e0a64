"""Large blocks that were freed are used again."""

import subprocess
import sys

import pytest

TAKE_AND_FREE = """
import resource, sys
import numpy as np
from mammoseg.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
faults = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(16 << 20, np.uint8)[0] + np.ones(48 << 20, np.uint8)[0]
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(*faults)
"""


@pytest.mark.parametrize("choice", ["keep", "give back"])
def test_freed_memory_is_kept_where_that_is_asked_for(choice):
    environment = {"NUMPY_MADVISE_HUGEPAGE": "0"}  # else a fault brings 512 pages
    command = [sys.executable, "-c", TAKE_AND_FREE, choice]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    first, *later = map(int, done.stdout.split())
    assert first > 10_000
    assert max(later) < 100 if choice == "keep" else min(later) > 10_000
