"""All bundles measured one after the other, each in a process of its own; a run that was stopped goes on."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mammoseg.files import write_json


def benchmark_networks(
    bundles: Iterable[str], batches: Iterable[int], *, file: Path | None, quick: bool, **options: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measure every bundle at every batch.

    Args:
        file: JSON list to which results are added as they come; those it has already are not measured again.
        quick: option of `mammoseg.benchmark.measure`, as are all further options.
    Returns:
        All results, those of the file too, and one sentence for each measurement that failed.
    """
    results: list[dict[str, Any]] = json.loads(file.read_text()) if file and file.is_file() else []
    failures = []
    measured = {(result["bundle"], result["batch"], result["quick"]) for result in results}
    wanted = [(bundle, batch) for batch in batches for bundle in bundles]
    for bundle, batch in wanted:
        if (bundle, batch, quick) in measured:
            continue
        try:
            results.append(measure_in_process(bundle, batch=batch, quick=quick, **options))
        except RuntimeError as error:
            failures.append(f"{bundle}, batch {batch}: {error}")
            print(f"{failures[-1]} (not measured)", file=sys.stderr)
            continue
        print(f"{bundle}, batch {batch}: measured", file=sys.stderr)
        if file:
            write_json(file, results)
    return results, failures


def measure_in_process(bundle: str, **options: Any) -> dict[str, Any]:
    """What `measure_bundle` gives, from a process that does nothing else, so that memory is that of this bundle.

    Raises:
        RuntimeError: with the last line of what the process wrote, or the signal that ended it (9: out of memory).
    """
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "mammoseg.benchmark.measure", bundle, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(f"ended by signal {-done.returncode}" if done.returncode < 0 else lines[-1])
    return json.loads(done.stdout.splitlines()[-1])
