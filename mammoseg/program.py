"""Another program that runs as long as a block lasts, and ends however this process ends; servers among them."""

import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import requests

from mammoseg.errors import WrongCallError
from mammoseg.parent import end_with_parent


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    seconds: float = 30,
    output: IO[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program and end it with the block; it ends with this process too, see `end_with_parent`.

    Args:
        seconds: time in seconds that it may take to end before it is killed.
        output: file that gets what it says; ours where it is None.
    """
    process = subprocess.Popen(
        list(command),
        stdout=output,
        stderr=output,
        env=environment,
        preexec_fn=partial(end_with_parent, os.getpid()),
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def find_free_port(first: int = 0) -> int:
    """`first`, or the next port that is free on 127.0.0.1; 0 stands for any.

    Raises:
        WrongCallError: it is none, or a hundred are taken.
    """
    if not isinstance(first, int) or not 0 <= first <= 65535:
        raise WrongCallError(f"port is '{first}'; give a number up to 65535.")
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, else it is busy after its end
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise WrongCallError(f"the ports from {first} on are taken; name another.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there; no proxy is asked for it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def request_here(method: str, url: str, **options: Any) -> requests.Response:
    """As `requests.request`, of a server on this machine: a proxy that HTTP_PROXY names would ask its own machine.

    Raises:
        requests.RequestException: it does not answer.
    """
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, **options)


def wait_for_answer(url: str, process: subprocess.Popen[bytes], *, seconds: float, **options: Any) -> bool:
    """Wait until `url` answers with success; False when the program ends before, or the time.

    Args:
        process: the program that is to answer.
        options: options of `requests.request`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(requests.ConnectionError, requests.Timeout):
            if request_here("get", url, timeout=5, **options).ok and process.poll() is None:
                return True
        time.sleep(0.1)
    return False
