"""The benchmark of the label server counts what was answered, and tells when an answer belongs to another image."""

import os
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from mammoseg.benchmark import label_server_speed
from mammoseg.benchmark.label_server_speed import benchmark_label_server
from mammoseg.viewer.archive import LocalArchive
from mammoseg.viewer.label_server import LabelServer
from monailabel_app.lib import shim
from tests.label.bright_model import write_bright_weights
from tests.orthanc import running_orthanc

__all__ = ["running_orthanc"]


@pytest.fixture
def in_this_process(monkeypatch):
    """Servers run in threads of the test, which start in no time."""

    @contextmanager
    def start(studies, state, weights, **_):
        shim.prepare()
        from tests.label.real_server import running_server

        if isinstance(studies, LocalArchive):
            monkeypatch.setenv("MAMMOSEG_DICOMWEB_PASSWORD", studies.user[1])
            studies = studies.dicomweb
        with running_server(str(studies), state, weights=weights) as url:
            yield LabelServer(url, SimpleNamespace(pid=os.getpid()))

    monkeypatch.setattr(label_server_speed, "label_server", start)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return str(write_bright_weights(tmp_path / "w.pt", spatial_size=(32, 32), grey=0.9))


def test_it_measures_a_request_many_clients_and_a_large_archive(weights, in_this_process, running_orthanc):
    found = benchmark_label_server(weights, rounds=1, clients=3, requests=9, instances=9, size=128)
    assert found["one_request"]["median_seconds"].keys() == {"server", "one_process"}
    assert found["one_request"]["ratio"] > 0
    many = found["many_clients"]
    assert (many["clients"], many["requests"], many["answered"]) == (3, 9, 9)
    assert len(many["memory_mib_at_tenth_half_end"]) == 3 and many["peak_memory_mib"] > 0
    archive = found["large_archive"]
    assert archive["instances"] == 9
    assert archive["first_look_seconds"] > 0 and archive["list_seconds"] > 0


def test_an_error_and_an_answer_for_another_image_do_not_count(tmp_path, weights, in_this_process, monkeypatch):
    one, other = list(label_server_speed._make_images(tmp_path / "made", 64))[:2]
    studies = tmp_path / "made" / "images"
    with label_server_speed.label_server(studies, tmp_path / "state", f"unet={weights}") as server:
        assert label_server_speed._measure_clients(server, [one, "1.2.3"], 2, 4)["answered"] == 2
        ask = label_server_speed._ask
        monkeypatch.setattr(label_server_speed, "_ask", lambda server, session, image: ask(server, session, other))
        assert label_server_speed._measure_clients(server, [one], 2, 2)["answered"] == 0


def test_a_list_that_is_not_whole_is_no_result(tmp_path, weights, in_this_process, running_orthanc, monkeypatch):
    monkeypatch.setattr(label_server_speed, "_measure_list", lambda server: (0.1, 8))
    with pytest.raises(ArithmeticError, match="8 of 9 instances are listed"):
        label_server_speed._measure_large_archive(running_orthanc, tmp_path / "state", f"unet={weights}", 9)
