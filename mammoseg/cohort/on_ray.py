"""The files of a cohort over the machines of a Ray cluster: https://docs.ray.io/en/latest/data/data.html."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.errors import OutputError, WrongCallError
from mammoseg.prediction.process import FileRunner
from mammoseg.prediction.records import require_row
from mammoseg.prediction.run import make_died_row
from mammoseg.prediction.table import Row

FILES_A_BLOCK = 8
"""Lost with a machine and done again by another; also how many rows come at a time."""

FILES_A_ROUND = 256
"""Files a process that are listed together, so that a list of any length takes no memory; then all start anew."""

HERE = "local"
"""Address that starts Ray on this machine, for this run."""

ATTEMPTS = 3
"""Of a block whose process or machine was lost; then each of its files is a block of its own."""

ENDINGS = (OutputError, WeightsError)
"""What ends a run, since every further file would meet it, too."""


class Actor:
    """A process of Ray that keeps the network and does block after block.

    Args:
        make_job: makes the job of the process.
    """

    def __init__(self, make_job: Callable[[], FileRunner]) -> None:
        self._job = make_job()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Name of each file of a batch of names and paths, and its row as JSON, or why the run ends."""
        answers = [self._answer(Path(path), name) for path, name in zip(batch["path"], batch["name"], strict=True)]
        return {"name": batch["name"], "answer": np.array(answers, dtype=object)}

    def _answer(self, path: Path, name: str) -> str:
        try:
            return json.dumps(asdict(self._job(path, name)))
        except ENDINGS as error:  # Ray would take it for a block that is lost
            return json.dumps({"ended": str(error), "kind": type(error).__name__})


def connect_to_ray(address: str, workers: int | None) -> int:
    """Connect to a cluster, or start one here, and say how many processes to use there.

    Args:
        address: ``local``, ``auto`` or ``ray://host:port``.
        workers: asked for; one for each core of the cluster when None.

    Raises:
        WrongCallError: Ray is not installed, or does not answer.
    """
    try:
        import ray  # an extra, which few need
    except ImportError as error:
        raise WrongCallError("--ray needs Ray: pip install 'mammoseg[ray]'; or leave --ray out.") from error
    here = address == HERE
    try:
        ray.init(
            address=address,
            num_cpus=workers if here else None,
            include_dashboard=False if here else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except Exception as error:  # whatever Ray raises
        raise WrongCallError(f"Ray does not answer at '{address}' ({type(error).__name__}); check --ray.") from error
    return workers or int(ray.cluster_resources()["CPU"])


def run_on_ray(
    make_job: Callable[[], FileRunner], items: Iterable[tuple[Path, str]], workers: int
) -> Iterator[tuple[str, Row]]:
    """Name and row of each of `items`, in the order in which their blocks end.

    A process or machine that is lost costs a block, which another does again, `ATTEMPTS` times in all. Then its files
    are tried so alone; one that is lost again is refused with ``E_WORKER``.

    Args:
        make_job: makes the job of each process; must be picklable.
        items: path, the same on every machine, and name of each file.

    Raises:
        OutputError: results cannot be written.
        WeightsError: the weights changed during the run.
    """
    coming = iter(items)
    while left := {name: path for path, name in islice(coming, FILES_A_ROUND * workers)}:
        for together in (FILES_A_BLOCK, 1):
            for name, row in _run_in_blocks(make_job, left, workers, together) if left else ():
                del left[name]
                yield name, row
        yield from ((name, make_died_row(path)) for name, path in left.items())


def _run_in_blocks(
    make_job: Callable[[], FileRunner], paths: Mapping[str, Path], workers: int, together: int
) -> Iterator[tuple[str, Row]]:
    """Name and row of each file whose block is not lost; `together` files are a block."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = -1
    context.enable_progress_bars = False
    rows = [{"path": str(path), "name": name} for name, path in paths.items()]
    done = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // together)).map_batches(
        Actor,
        fn_constructor_args=[make_job],
        batch_size=together,
        # blocks that wait at a process would be lost with it
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        max_restarts=-1,
        max_task_retries=ATTEMPTS - 1,
    )
    for answer in done.iter_rows():
        yield str(answer["name"]), _read_row(json.loads(answer["answer"]))


def _read_row(values: dict[str, Any]) -> Row:
    if "ended" in values:
        (kind,) = (kind for kind in ENDINGS if kind.__name__ == values["kind"])
        raise kind(values["ended"])
    return require_row(values, [value for value in values.values() if isinstance(value, str)])
