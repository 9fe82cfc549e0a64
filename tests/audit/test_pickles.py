"""Pickles of all protocols: one that calls what it names is found, one of values and a text are not."""

import os
import pickle

import numpy as np
import pytest

from mammoseg.audit.pickles import is_pickle_that_runs


class Payload:
    def __reduce__(self):
        return os.mkdir, ("was-run",)


CALL = b"cposix\nmkdir\n(S'was-run'\ntR."


@pytest.fixture
def judge(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def judge(content):
        (tmp_path / "a.txt").write_bytes(content)
        return is_pickle_that_runs(tmp_path / "a.txt")

    yield judge
    assert not (tmp_path / "was-run").exists(), "nothing is run"


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_something_is_found_with_and_without_its_header(protocol, judge):
    content = pickle.dumps(Payload(), protocol)
    assert judge(content)
    assert judge(content[2:] if protocol > 1 else content)


@pytest.mark.parametrize(
    "content",
    [
        CALL,
        b"(S'was-run'\niposix\nmkdir\n.",
        b"(cposix\nmkdir\nS'was-run'\no.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"I010\n0" + CALL,  # a number for C, none for Python
        b"I0x1\n0" + CALL,
        b"\x95" + bytes(8) + CALL,  # a frame that ends before what is in it
        b"\x95\xff" + bytes(7) + b"\x95\xff" + bytes(7) + CALL,
        b"S'" + b"a" * 5_000 + b"'\n0" + CALL,
        b"N0" * 1_000_000,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_one_by_hand_is_found(content, judge):
    assert judge(content)


@pytest.mark.parametrize("protocol", range(6))
def test_one_of_values_alone_is_none(protocol, judge):
    assert not judge(pickle.dumps({"a": [1, 2.5, None, "text", (True, 3)]}, protocol))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"c",
        b"calcification\nmass\nRest of it",
        b"cast\nmass\nlesion\n",  # ast is a module
        b"cno_such_module\nname\n(S'a'\ntR.",
        b"X\xff\xff\xff\xffmodel",
        b"\x8e" + b"\xff" * 8,
        b'{"a": 1}',
        b"(Some text in brackets)\n",
        "# Über mammography\n".encode(),
        bytes(1000),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_text_is_none(content, judge):
    assert not judge(content)


def test_an_array_of_objects_without_its_header_is_found(judge, tmp_path):
    np.save(tmp_path / "a.npy", np.array([Payload()], dtype=object))
    content = (tmp_path / "a.npy").read_bytes()
    assert judge(content[128:])
