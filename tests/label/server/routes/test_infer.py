"""Answers of `/infer/{model}`."""

from monailabel_app.lib.models.run import Inferred
from monailabel_app.lib.server.routes.infer import InferOutput, _answer


def test_a_mask_alone_names_engine_and_weights_in_its_header(tmp_path):
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"mask")
    answer = _answer(Inferred(mask, {"engine": "PyTorch 2.9", "weights_sha256": "ab" * 32}), InferOutput.image)
    assert answer.body == b"mask"
    assert answer.headers["X-Mammoseg-Engine"] == "PyTorch 2.9"
    assert answer.headers["X-Mammoseg-Weights-SHA256"] == "ab" * 32
