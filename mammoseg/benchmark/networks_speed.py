"""All bundles measured one after the other, each in a process of its own; a run that was stopped goes on."""

import json as json_text
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from mammoseg.benchmark.table import format_benchmark
from mammoseg.bundles import list_bundle_names
from mammoseg.errors import MammosegError
from mammoseg.files import write_json


def benchmark_networks(
    bundles: str | Sequence[str] = (),
    batch: int | Sequence[int] = (1, 8),
    *,
    json: Path | str | None = None,
    quick: bool = False,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Time inference and training step of bundles at their recipe's size next to plain eager, with equal output.

    Args:
        bundles: names; all if none are given.
        batch: images at once.
        json: file to which results are added as they come; those it has already are not measured again.
        quick: one round on a small image, to see that everything works.
        options: threads, seconds, rounds, compiled and engines of `mammoseg.benchmark.measure.measure_bundle`.
    Yields:
        JSON values of each bundle and batch, those of the file first; tables of all are printed to the standard error.
    Raises:
        MammosegError: some could not be measured; the others were.
    """
    file = Path(json) if json else None
    names = [bundles] if isinstance(bundles, str) else list(bundles) or list_bundle_names()
    results: list[dict[str, Any]] = json_text.loads(file.read_text()) if file and file.is_file() else []
    yield from results
    failures = []
    measured = {(result["bundle"], result["batch"], result["quick"]) for result in results}
    for size, bundle in product([batch] if isinstance(batch, int) else batch, names):
        if (bundle, size, quick) in measured:
            continue
        try:
            results.append(measure_in_process(bundle, batch=size, quick=quick, **options))
        except RuntimeError as error:
            failures.append(f"{bundle}, batch {size}: {error}")
            continue
        if file:
            write_json(file, results)
        yield results[-1]
    print(format_benchmark(results), file=sys.stderr)
    if failures:
        raise MammosegError(f"not measured: {'; '.join(failures)}.")


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
    return json_text.loads(done.stdout.splitlines()[-1])
