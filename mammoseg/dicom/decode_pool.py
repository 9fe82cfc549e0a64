"""Child processes that read strangers' files: kept at hand, watched, and replaced when one hangs or dies."""

import atexit
import json
import logging
import os
import re
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.border import refused_as
from mammoseg.errors import InputRefusedError, WrongCallError, say_reason
from mammoseg.mammogram import SourceFile

logger = logging.getLogger(__name__)

SECONDS = 60.0
"""Time for one file. 32 megapixels in JPEG 2000, the slowest that is let in, took 5 s on a busy core."""

FILES_PER_CHILD = 2000
"""A child is replaced after so many files, whatever memory a decoder may have lost; a new one costs 0.5 s, in which a
thousand small pictures could be read."""

MOST_HEAD_BYTES = 2**16
"""Longest first line of an answer."""

MOST_PAYLOAD_BYTES = 2**29
"""Longest rest of an answer; 2 ** 27 pixels of 2 bytes are half of it."""

START = "import sys; sys.path[:] = sys.argv[1:]; from mammoseg.data.decode_worker import main; main()"
"""Python's own way with ``-m`` would look for modules in the working folder, which may be full of strangers' files."""

NO_SENSE = "the process that decodes it gave no sensible answer."

LAST_CODES = ("E_RESOURCES", "E_FAULT")
"""Codes after which a child is not used again."""

Reply = tuple[dict[str, Any], np.ndarray]
"""Fields of the first line, and the bytes after it as uint8."""

_pools: "weakref.WeakSet[DecodePool]" = weakref.WeakSet()


class DecodePool:
    """Children of `mammoseg.data.decode_worker`, started when first needed: one for each thread that asks at a time.

    Plain subprocesses, since workers of a DataLoader may have no children of multiprocessing. A fork of this process
    gets children of its own. When this process ends, however it ends, its children read the end of their input and end.

    Args:
        command: starts one child; that of `decode_worker` when None.
        seconds: time for one file.
        files_per_child: requests after which a child is replaced.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.phantom_dicom import write_mammogram
        >>> from mammoseg.dicom.decode_pool import DecodePool
        >>> dataset = write_mammogram(Path("left_cc.dcm"), np.arange(1200).reshape(40, 30))
        >>> pool = DecodePool(seconds=30)
        >>> fields, payload = pool.ask({"kind": "texts", "path": "left_cc.dcm", "keywords": ["Modality"]})
        >>> payload.tobytes()
        b'{"Modality": "MG"}'
        >>> pool.close()
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        seconds: float = SECONDS,
        files_per_child: int = FILES_PER_CHILD,
    ) -> None:
        self.command = command
        self.seconds = seconds
        self.files_per_child = files_per_child
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._ahead: tuple[Mapping[str, Any], Future[Reply]] | None = None
        _pools.add(self)

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Have a child answer one request; its answer is as untrusted as the file.

        Args:
            request: ``kind``, ``path`` and what the kind needs; see `mammoseg.data.decode_worker`.

        Returns:
            fields of the answer, a shape among them where it is an image, and its bytes: uint8 ``(length,)``.

        Raises:
            InputRefusedError: with the code of the child, or ``E_TIMEOUT``, ``E_DECODER``, ``E_RESOURCES``.
            WrongCallError: the child says that the call is wrong.
        """
        with self._lock:
            ahead, self._ahead = self._ahead, None
        fields, payload = ahead[1].result() if ahead and ahead[0] == request else self._ask_child(request)
        for note in fields["notes"]:
            logger.warning("%s", as_plain_text(note))
        if "wrong_call" in fields:
            raise WrongCallError(as_plain_text(fields["wrong_call"]))
        if "code" not in fields:
            return fields, payload
        if not re.fullmatch(r"E_[A-Z_]{1,40}", str(fields["code"])):
            raise make_no_sense_error()
        raise InputRefusedError(fields["code"], as_plain_text(fields.get("reason")))

    def ask_ahead(self, request: Mapping[str, Any]) -> None:
        """Begin with the answer to what is asked next, in a thread; if something else is, it was in vain.

        Where no thread can be started, who asks is answered as ever.
        """
        answer: Future[Reply] = Future()

        def wait_for_it() -> None:
            try:
                answer.set_result(self._ask_child(request))
            except BaseException as error:
                answer.set_exception(error)

        with suppress(RuntimeError):  # no more threads
            threading.Thread(target=wait_for_it, daemon=True).start()  # at the end of this process nobody waits for it
            with self._lock:
                self._ahead = request, answer

    def start(self) -> None:
        """Start a child before it is needed, so that it imports while this process does something else.

        Where none can be started, whoever asks first is told.
        """
        try:
            child = self._take()
        except InputRefusedError:
            return
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        """End the children that are idle; the pool can still be used."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def end(self) -> None:
        """End all children, those that are still busy with what was asked ahead too."""
        self.close()
        for child in list(self._busy):
            child.kill()

    def _ask_child(self, request: Mapping[str, Any]) -> Reply:
        child = self._take()
        self._busy.add(child)
        try:
            fields, payload = child.ask(request, self.seconds)
        except BaseException:  # Ctrl-C too: half an answer may still be in the pipe
            child.kill()
            raise
        finally:
            self._busy.discard(child)
        if child.answered < self.files_per_child and fields.get("code") not in LAST_CODES:
            with self._lock:
                self._idle.append(child)
        else:
            child.kill()
        return fields, payload

    def _take(self) -> "_Child":
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None and idle.is_alive():
            return idle
        if idle is not None:
            idle.kill()
        try:
            return _Child(self.command or [sys.executable, "-c", START, *sys.path])
        except OSError as error:
            reason = f"no process can be started to decode it ({say_reason(error)}); end other programs."
            raise InputRefusedError("E_RESOURCES", reason) from error

    def _start_anew(self) -> None:
        """In a process just forked: let go of the children, which are not its own, and take a lock that is free."""
        for child in (*self._idle, *self._busy):
            child.abandon()
        self._lock = threading.Lock()
        self._idle = []
        self._busy = set()
        self._ahead = None


@cache
def get_default_pool() -> DecodePool:
    """The pool that all readers of this process share."""
    return DecodePool()


def ask_decoder(kind: str, path: Path, **details: Any) -> Reply:
    """Have a child of that pool answer about a file: fields, and bytes uint8 ``(length,)``; see `DecodePool.ask`."""
    return get_default_pool().ask(make_request(kind, path, **details))


def make_request(kind: str, path: Path, **details: Any) -> dict[str, Any]:
    """What `DecodePool.ask` is asked about a file."""
    return {"kind": kind, "path": str(path.absolute()), **details}


class _Child:
    """One child process, asked by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self.answered = 0
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the parent
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # each thread reserves memory
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)

    def ask(self, request: Mapping[str, Any], seconds: float) -> Reply:
        end = time.monotonic() + seconds
        try:
            self._requests.write(json.dumps({**request, "seconds": seconds}).encode() + b"\n")
        except BrokenPipeError as error:
            raise _make_died_error() from error
        head, rest = self._read_line(end)
        with sensible():
            fields = json.loads(head)
            size = fields["bytes"]
            notes = fields["notes"]
        if not isinstance(size, int) or not len(rest) <= size <= MOST_PAYLOAD_BYTES or not isinstance(notes, list):
            raise make_no_sense_error()
        payload = np.empty(size, np.uint8)
        payload[: len(rest)] = np.frombuffer(rest, np.uint8)
        filled = len(rest)
        while filled < size:
            self._wait(end)
            count = self._answers.readinto(payload[filled:])  # type: ignore[attr-defined] # a FileIO, as bufsize is 0
            if not count:
                raise _make_died_error()
            filled += count
        self.answered += 1
        return fields, payload

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._answers.close()

    def abandon(self) -> None:
        """Let go of a child that belongs to the process from which this one was forked."""
        self._requests.close()
        self._answers.close()
        self._process.returncode = 0

    def _read_line(self, end: float) -> tuple[bytes, bytes]:
        """The first line of the answer, and what came with it of the rest."""
        read = b""
        while b"\n" not in read:
            self._wait(end)
            block = self._answers.read(MOST_HEAD_BYTES)
            read += block
            if not block:
                raise _make_died_error()
            if len(read) > MOST_HEAD_BYTES and b"\n" not in read[:MOST_HEAD_BYTES]:
                raise make_no_sense_error()
        head, _, rest = read.partition(b"\n")
        return head, rest

    def _wait(self, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0 or not self._poll.poll(left * 1000):
            raise InputRefusedError(
                "E_TIMEOUT", "reading it takes too long; the file may be made to keep a decoder busy."
            )


def _make_died_error() -> InputRefusedError:
    return InputRefusedError("E_DECODER", "the process that decodes it broke down; the file is damaged or hostile.")


def make_no_sense_error() -> InputRefusedError:
    """The refusal for an answer that no child of ours gives."""
    return InputRefusedError("E_DECODER", NO_SENSE)


def sensible() -> AbstractContextManager[None]:
    """A block that looks into an answer; a child that was taken over may send anything (``E_DECODER``)."""
    return refused_as("E_DECODER", NO_SENSE)


def parse_array(
    fields: Mapping[str, Any], payload: np.ndarray, dtypes: Collection[str], *, axes: int | None = None
) -> np.ndarray:
    """The one array that an answer describes by its shape and dtype.

    Args:
        dtypes: names of the dtypes that it may have.
        axes: how many it must have.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    with sensible():
        if fields["dtype"] not in dtypes or (axes is not None and len(fields["shape"]) != axes):
            raise make_no_sense_error()
        return payload.view(fields["dtype"]).reshape([int(side) for side in fields["shape"]])


def parse_mask(fields: Mapping[str, Any], payload: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The mask uint8 0 / 1 ``(rows, columns)`` of an answer, and the remarks on how it was read.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    mask, remarks = parse_array(fields, payload, ("uint8",), axes=2), fields.get("remarks")
    if not isinstance(remarks, list) or mask.max(initial=0) > 1:
        raise make_no_sense_error()
    return mask, tuple(map(as_plain_text, remarks))


def parse_source_file(fields: Mapping[str, Any], *, header: bytes | None = None) -> SourceFile:
    """The file of an answer as it was when it was read.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    kind, sha256 = str(fields.get("format")), str(fields.get("sha256"))
    if not (re.fullmatch("[A-Za-z]{1,9}", kind) and re.fullmatch("[0-9a-f]{64}", sha256)):
        raise make_no_sense_error()
    return SourceFile(kind, sha256, header)


def as_plain_text(text: Any) -> str:
    """A text of the child as one printable line of bounded length."""
    return "".join(letter for letter in str(text)[:500] if letter.isprintable())


def _end_all() -> None:
    for pool in list(_pools):
        pool.end()


def _start_all_anew() -> None:
    for pool in list(_pools):
        pool._start_anew()


atexit.register(_end_all)
os.register_at_fork(after_in_child=_start_all_anew)
