"""Cores are counted as the process may use them."""

import os

import pytest

from mammoseg.cores import count_cores


@pytest.fixture
def one_core():
    """This process may use one core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def test_cores_that_are_not_for_this_process_do_not_count(one_core):
    assert count_cores() == 1
