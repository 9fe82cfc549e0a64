"""Work that outlasts a request: training, scoring, batch inference; one of a kind at a time, the others wait."""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mammoseg.errors import MammosegError
from monailabel_app.lib.clock import format_now
from monailabel_app.lib.errors import HttpError, say_places

logger = logging.getLogger(__name__)

MOST_WAITING = 16
MOST_KEPT = 50
"""Records of what has ended."""

LINES = 20
"""Of the log, kept with each record, as MONAI Label does."""


@dataclass
class Job:
    """One piece of work.

    Attributes:
        work: does it; what it is given says whether it is to end early.
        status: SUBMITTED, RUNNING, DONE, ERROR or STOPPED, as MONAI Label's clients know them; `Jobs` alone changes it.
        stop: set where it is to end early, from before its begin on.
    """

    request: dict[str, Any]
    work: Callable[[Callable[[], bool]], Any]
    stop: threading.Event = field(default_factory=threading.Event)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "SUBMITTED"
    started: str = field(default_factory=format_now)
    ended: str | None = None
    error: str | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    result: Any = None

    def describe(self) -> dict[str, Any]:
        """For clients, with MONAI Label's keys."""
        named = {"id": self.id, "status": self.status, "request": self.request, "start_ts": self.started}
        lines = list(self.lines) or [self.status]  # Slicer's module reads the last one, whether there is one or not
        more = {"end_ts": self.ended, "error": self.error, "details": lines, "result": self.result}
        return named | {key: value for key, value in more.items() if value}


class Jobs:
    """Runs jobs of each kind one after the other, each in a thread of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, deque[Job]] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, job: Job, *, enqueue: bool = False) -> Job:
        """Start, or wait for those before.

        Raises:
            HttpError: 429; one is running and `enqueue` is not set, or too many wait.
        """
        with self._lock:
            jobs = self._jobs.setdefault(kind, deque(maxlen=MOST_KEPT))
            waiting = [other for other in jobs if other.status in ("SUBMITTED", "RUNNING")]
            if waiting and not enqueue or len(waiting) > MOST_WAITING:
                raise HttpError(429, "E_BUSY", f"{kind.replace('_', ' ')} is running already; ask for its status.")
            jobs.append(job)
            threads = self._threads.setdefault(kind, ThreadPoolExecutor(1, thread_name_prefix=kind))
            threads.submit(self._run, job)
        return job

    def answer(self, kind: str, job: Job, *, waits: bool, enqueue: bool = False) -> Any:
        """Do the job within the request and answer what it gives, or `start` it and answer its record.

        Args:
            waits: whether the client waits for the end.
            enqueue: whether it may wait for those before.
        """
        return job.work(job.stop.is_set) if waits else self.start(kind, job, enqueue=enqueue).describe()

    def list_jobs(self, kind: str) -> list[Job]:
        """All jobs of a kind that are remembered, the oldest first."""
        return list(self._jobs.get(kind, ()))

    def describe(self, kind: str, *, all: bool = False, check_if_running: bool = False) -> Any:
        """Record of the last job, of the running one, or of all.

        Raises:
            HttpError: 404; there is none.
        """
        jobs = [job for job in self.list_jobs(kind) if not check_if_running or job.status == "RUNNING"]
        if not jobs:
            raise HttpError(
                404, "E_UNKNOWN", f"no {kind.replace('_', ' ')} {'runs' if check_if_running else 'is known'}."
            )
        return [job.describe() for job in jobs] if all else jobs[0 if check_if_running else -1].describe()

    def stop(self, kind: str) -> dict[str, Any] | None:
        """Drop what waits, and ask what runs to end; its record, or None."""
        running = None
        with self._lock:
            for job in self.list_jobs(kind):
                if job.status == "SUBMITTED":
                    job.status, job.ended = "STOPPED", format_now()
                elif job.status == "RUNNING":
                    job.status, running = "STOPPED", job
                    job.stop.set()
        return running.describe() if running else None

    def close(self) -> None:
        """Stop all at the end of the server."""
        for kind in self._threads:
            self.stop(kind)
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> None:
        if not self._change(job, "SUBMITTED", "RUNNING"):
            return
        handler = _Lines(job)
        logging.getLogger().addHandler(handler)
        end = "ERROR"
        try:
            job.result = job.work(job.stop.is_set)
            end = "DONE"
        except Exception as error:
            job.error = str(error) if isinstance(error, MammosegError | HttpError) else type(error).__name__
            logger.error("work failed: %s at %s", type(error).__name__, say_places(error))
        finally:
            logging.getLogger().removeHandler(handler)
            self._change(job, "RUNNING", end)
            job.ended = format_now()

    def _change(self, job: Job, before: str, after: str) -> bool:
        """Change the status of a job, unless it was stopped meanwhile; whether it was not."""
        with self._lock:
            if job.status != before:
                return False
            job.status = after
            return True


class _Lines(logging.Handler):
    """Keeps log lines of one thread with its job."""

    def __init__(self, job: Job) -> None:
        super().__init__(logging.INFO)
        self.job = job
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.job.lines.append(record.getMessage())
