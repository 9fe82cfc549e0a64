"""Nothing runs from a checkpoint, whoever reads it, and every bad one is one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.bad_checkpoints import BAD

MOST_MIB = 1024
"""Memory that reading all bad checkpoints may take beyond what sound ones took; some ask for terabytes."""


@pytest.fixture(scope="module")
def attack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attack")
    command = [sys.executable, "-m", "tests.hostile.attack", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {"folder": folder} | json.loads(done.stdout.splitlines()[-1])


def test_every_reader_reads_a_sound_checkpoint(attack):
    (only_weights,) = [name for name, ending in attack["sound"].items() if ending != "read"]
    assert only_weights == "resume"  # which needs the state of a training, too


def test_every_reader_reads_weights_that_ship_as_it_reads_a_checkpoint(attack):
    assert attack["shipped"] == attack["sound"]


def test_every_reader_refuses_every_hostile_checkpoint_in_a_sentence(attack):
    ends = {
        reader: {file: end for file, end in ends.items() if end != "refused"}
        for reader, ends in attack["hostile"].items()
    }
    assert ends == dict.fromkeys(attack["sound"], {})


def test_every_bad_checkpoint_is_refused_in_a_printable_sentence(attack):
    assert attack["bad"] == dict.fromkeys(BAD, "refused")
    assert len(BAD) >= 118


def test_no_process_no_socket_and_no_write_outside_the_folder_was_seen(attack):
    assert attack["seen"] == []
    assert not list(attack["folder"].rglob("pwned"))


def test_bad_checkpoints_take_no_memory_of_their_own(attack):
    assert attack["mib"] < MOST_MIB
