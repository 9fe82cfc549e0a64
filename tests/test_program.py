"""Programs that are started end with the block; that they end with who started them, `test_parent` tests."""

import signal
import sys

import pytest

from mammoseg.program import request_here, running, wait_for_answer
from mammoseg.viewer.server import serving
from tests.archives.fake_archive import FakeServer
from tests.waiting import PATIENCE_SECONDS, wait_until

STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]


def test_a_program_ends_with_its_block():
    with pytest.raises(RuntimeError), running(["sleep", "60"]) as process:
        raise RuntimeError
    assert process.returncode == -signal.SIGTERM


def test_a_server_on_this_machine_is_asked_without_the_proxy_of_the_environment(dead_proxy):
    with serving(FakeServer(lambda request: request.reply_json([1]))) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        assert request_here("get", url).json() == [1]
        with running(["sleep", "60"]) as process:
            assert wait_for_answer(url, process, seconds=PATIENCE_SECONDS)


def test_one_that_does_not_listen_is_killed(tmp_path):
    with (tmp_path / "said").open("w") as said, running(STUBBORN, seconds=0.1, output=said) as process:
        wait_until((tmp_path / "said").read_text, "it listens no more", process=process)
    assert process.returncode == -signal.SIGKILL
