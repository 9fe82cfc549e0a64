"""A connection that waits for a person's request waits for a while; one that is at work does so as long as it takes."""

import asyncio
import socket

import pytest

from monailabel_app.lib import connections
from monailabel_app.lib.callers import networks
from monailabel_app.lib.connections import Connections

PEER = ("192.0.2.1", 4711)


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


def test_there_are_never_more_of_all_addresses_than_files_can_be_opened(pair, monkeypatch):
    monkeypatch.setattr(connections, "MOST_OF_ALL", 3)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 600)
    others = [socket.socketpair() for _ in range(3)]

    async def wait():
        open_ones = Connections()
        open_ones.begin(pair[0], PEER)
        for number, (here, _) in enumerate(others):
            open_ones.begin(here, (f"192.0.2.{10 + number}", 4711))
        return await is_closed(pair[1])

    assert asyncio.run(wait())
    for here, there in others:
        here.sendall(b"open")
        assert there.recv(4) == b"open"
        here.close(), there.close()


def test_those_of_a_trusted_proxy_are_not_counted(pair):
    async def wait():
        open_ones = Connections(proxies=networks("192.0.2.1", "trusted_proxies"))
        open_ones.begin(pair[0], PEER)
        open_ones.begin(other[0], ("192.0.2.2", 4711))
        assert await is_closed(other[1])
        pair[0].sendall(b"x")
        return pair[1].recv(1)

    other = socket.socketpair()
    with other[0], other[1]:
        assert asyncio.run(wait()) == b"x"
