"""The benchmark of the scores runs, and says what it measured."""

import os

import pytest
import torch

from mammoseg.benchmark.evaluate_speed import benchmark_evaluate, benchmark_report


@pytest.fixture
def same_cores_after():
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
    yield
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("same_cores_after")
def test_time_of_tables_is_part_of_the_whole():
    measured = benchmark_evaluate(6, side=64)
    assert measured["images"] == "6 of 64 x 64"
    assert 0 < measured["of_them_tables_and_pictures"] <= measured["seconds"]


@pytest.mark.usefixtures("same_cores_after")
def test_the_report_of_made_evaluations_is_timed():
    measured = benchmark_report(2, images=12)
    assert measured["report"] == "2 models, 12 images on both grids"
    assert measured["seconds"] > 0 and measured["report_kb"] > 50
