"""Steps in child processes share what this process has."""

import os

import pytest

from mammoseg.cores import count_cores
from mammoseg.plans import execute
from mammoseg.plans.steps import Step


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_threads_of_a_step_are_its_share_of_the_cores_that_this_process_may_use(jobs, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1024)
    started = []
    monkeypatch.setattr(execute.subprocess, "Popen", lambda command, *, env, **options: started.append(env))
    execute._start(Step("a", "train", (), {}, {}), tmp_path, jobs)
    assert started[0]["OMP_NUM_THREADS"] == str(max(1, count_cores() // jobs))
