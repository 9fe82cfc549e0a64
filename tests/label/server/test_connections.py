"""A connection that waits for a person's request waits for a while; one that is at work does so as long as it takes."""

import asyncio
import itertools
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from monailabel_app.lib.callers import parse_networks
from monailabel_app.lib.server import connections
from monailabel_app.lib.server.connections import Connections

PEER = ("192.0.2.1", 4711)

FEW_FILES = """
import resource
from monailabel_app.lib.server.connections import allow_open_files
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
allow_open_files()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], most)
"""


def test_as_many_files_are_asked_for_as_a_burst_of_connections_takes():
    said = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, text=True, check=True).stdout
    asked, most = map(int, said.split())
    assert asked == (4096 if most == resource.RLIM_INFINITY else min(4096, most))


@pytest.fixture
def pair():
    """Both ends of a connection."""
    here, there = socket.socketpair()
    with here, there:
        there.settimeout(30)
        yield here, there


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.05)


async def is_closed(there):
    return await asyncio.to_thread(there.recv, 1) == b""


def test_one_that_says_nothing_is_closed_after_its_time(pair):
    async def wait():
        Connections().begin(pair[0], PEER)
        return await is_closed(pair[1])

    assert asyncio.run(wait())


def test_one_that_works_for_a_person_is_closed_after_its_time_from_the_answer_on(pair):
    async def wait():
        open_ones = Connections()
        open_ones.begin(pair[0], PEER)
        with open_ones.at_work(PEER):
            open_ones.begin(other[0], ("192.0.2.1", 4712))
            assert await is_closed(other[1]), "the time of a connection that came later is over"
            pair[1].sendall(b"x")
            assert pair[0].recv(1) == b"x", "and this one is open"
        return await is_closed(pair[1])

    other = socket.socketpair()
    with other[0], other[1]:
        assert asyncio.run(wait())


@pytest.mark.parametrize("most, addresses", [("MOST_OF_ALL", 4), ("MOST_OF_ONE", 1)])
def test_of_one_too_many_of_all_or_of_an_address_the_oldest_is_closed(pair, monkeypatch, most, addresses):
    monkeypatch.setattr(connections, most, 3)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 600)

    async def wait():
        open_ones = Connections()
        for number, (here, _) in enumerate([pair, *others]):
            open_ones.begin(here, (f"192.0.2.{number % addresses}", 4711 + number))
        return await is_closed(pair[1])

    with ExitStack() as opened:
        others = [socket.socketpair() for _ in range(3)]
        for end in itertools.chain(*others):
            opened.enter_context(end)
        assert asyncio.run(wait())
        for here, there in others:
            here.sendall(b"open")
            assert there.recv(4) == b"open"


def test_those_of_a_trusted_proxy_are_not_counted(pair):
    async def wait():
        open_ones = Connections(proxies=parse_networks("192.0.2.1", "trusted_proxies"))
        open_ones.begin(pair[0], PEER)
        open_ones.begin(other[0], ("192.0.2.2", 4711))
        assert await is_closed(other[1])
        pair[0].sendall(b"x")
        return pair[1].recv(1)

    other = socket.socketpair()
    with other[0], other[1]:
        assert asyncio.run(wait()) == b"x"
