"""ONNX files: what reads other files or needs foreign operators is found wherever it stands; the rest is not loaded."""

import numpy as np
import pytest

from mammoseg.checkpoints import onnx_file
from mammoseg.checkpoints.onnx_file import MOST_BYTES, find_faults_in_onnx

FOREIGN = ["needs operators of 'theirs', which are code of a stranger"]
OUTSIDE = ["reads its numbers from another file, '../../secret'"]


def field(number, content):
    """A field of protobuf of so many bytes."""
    return write_number(number << 3 | 2) + write_number(len(content)) + content


def write_number(number):
    low, rest = number & 127, number >> 7
    return bytes([low]) if not rest else bytes([low | 128]) + write_number(rest)


NODE = field(7, b"theirs")
TENSOR = field(13, field(1, b"location") + field(2, b"../../secret")) + field(13, field(1, b"offset") + field(2, b"4"))
PLAIN = field(7, field(1, field(4, b"Relu")))


def faults(tmp_path, content):
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    return list(find_faults_in_onnx(path))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda node: field(7, field(1, node)),
        lambda node: field(7, field(1, field(5, field(6, field(1, node))))),  # a graph of an attribute
        lambda node: field(7, field(1, field(5, field(11, field(1, node))))),
        lambda node: PLAIN + field(25, field(7, node)),  # a function
        lambda node: PLAIN + field(20, field(2, field(1, node))),  # a training
        lambda node: PLAIN + field(7, field(1, node)),  # a second graph is merged into the first
    ],
)
def test_a_foreign_operator_is_found_wherever_it_stands(wrap, tmp_path):
    assert faults(tmp_path, wrap(NODE)) == FOREIGN
    assert faults(tmp_path, wrap(field(7, b"com.microsoft"))) == []


def test_what_a_file_says_is_printed_harmlessly(tmp_path):
    (said,) = faults(tmp_path, field(7, field(1, field(7, b"\x1b[2Jtheirs"))))
    assert said.isprintable()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensor: field(7, field(5, tensor)),
        lambda tensor: field(7, field(15, field(1, tensor))),  # sparse
        lambda tensor: field(7, field(1, field(5, field(5, tensor)))),  # of a constant
        lambda tensor: field(7, field(1, field(5, field(10, tensor)))),
        lambda tensor: field(7, field(1, field(5, field(23, field(2, tensor))))),
        lambda tensor: PLAIN + field(25, field(11, field(5, tensor))),
    ],
)
def test_numbers_elsewhere_are_found_wherever_they_stand(wrap, tmp_path):
    assert faults(tmp_path, wrap(TENSOR)) == OUTSIDE


@pytest.mark.parametrize("content", [b"", b"no model", PLAIN[:-1], PLAIN + b"\x0b", field(1, b"a"), b"\xff" * 20])
def test_what_is_no_model_is_named(content, tmp_path):
    assert faults(tmp_path, content) == ["is no ONNX model"]


def test_a_model_with_too_many_parts_or_too_deep_is_none(tmp_path, monkeypatch):
    deep = NODE
    for _ in range(50):
        deep = field(5, field(6, field(1, deep)))
    assert faults(tmp_path, field(7, field(1, deep))) == ["is no ONNX model"]
    monkeypatch.setattr(onnx_file, "MOST_FIELDS", 2)
    assert faults(tmp_path, PLAIN) == ["is no ONNX model"]


def test_a_model_of_more_than_2_gb_is_named_and_not_read(tmp_path):
    with (tmp_path / "a.onnx").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no room on the disk
    assert list(find_faults_in_onnx(tmp_path / "a.onnx")) == ["has more than 2,147,483,648 bytes"]


def test_what_the_package_onnx_writes_is_read(tmp_path):
    onnx = pytest.importorskip("onnx")
    constant = onnx.numpy_helper.from_array(np.zeros((2, 2), np.float32), "c")
    nodes = [onnx.helper.make_node("Identity", ["c"], ["y"])]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], [constant]))
    assert faults(tmp_path, model.SerializeToString()) == []
    nodes[0].domain = "theirs"
    constant.data_location = onnx.TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="../../secret")
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], [constant]))
    assert faults(tmp_path, model.SerializeToString()) == OUTSIDE + FOREIGN
