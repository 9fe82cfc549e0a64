"""With `--conf preload true` a server has its weights before the first request, and says which it could not load."""

from types import SimpleNamespace

import pytest
import requests

from tests.label.started_server import started_server
from tests.label.tiny_models import write_picture, write_weights


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With weights of a UNet for `unet`, which are overwritten once it is ready, and the same for `aunet`."""
    folder = tmp_path_factory.mktemp("preload")
    write_picture(folder / "studies" / "image.png")
    good, wrong = write_weights(folder / "good.pt"), write_weights(folder / "wrong.pt")
    conf = {"models": "unet,aunet", "weights": f"unet={good},aunet={wrong}", "preload": "true", "device": "cpu"}
    with started_server(str(folder / "studies"), folder, conf) as server:
        good.write_bytes(b"no weights")
        yield SimpleNamespace(url=server.url, log=folder / "log")


def test_the_first_request_is_answered_by_what_was_loaded_at_the_start(server):
    answer = requests.post(f"{server.url}/infer/unet?image=image&output=json", timeout=60)
    assert answer.status_code == 200 and answer.json()["version"] == 0
    assert answer.json()["engine"].startswith("openvino ") and answer.json()["precision"] == "f32"


def test_a_server_of_which_no_model_has_weights_says_so_at_the_start(server, tmp_path):
    said = "WARNING monailabel_app.__main__: No model has weights yet; train one, or name weights with --conf weights."
    write_picture(tmp_path / "studies" / "image.png")
    with started_server(str(tmp_path / "studies"), tmp_path, {"models": "aunet", "device": "cpu"}):
        assert said in (tmp_path / "log").read_text()
    assert said not in server.log.read_text()


def test_weights_of_another_network_are_told_at_the_start_and_at_each_request(server):
    said = "version 0 of model 'aunet' cannot be loaded: the file holds UNet, bundle 'aunet' is AUNet"
    assert server.log.read_text().count(said) == 1
    answer = requests.post(f"{server.url}/infer/aunet?image=image", timeout=60)
    assert answer.status_code == 409 and answer.json()["detail"].startswith(said)
    assert "wrong.pt" not in answer.text
    named = [line for line in server.log.read_text().splitlines() if "wrong.pt" in line]
    assert all(line.startswith("wrong.pt is converted for openvino ") for line in named)
