"""What is private in libraries and used all the same: named where it is used, and as it was when it was written."""

import ast
import functools
import inspect
import pickle
from pathlib import Path

import pydicom
import pytest
import requests
import torch
from monai.transforms import RandFlip
from monai.transforms.inverse import TraceableTransform

from mammoseg.checkpoints.torch_file import OPERATIONS
from monailabel_app.lib import shim

ROOT = Path(__file__).resolve().parents[1]

SAID = "# private, of "
"""Comment on the line of each use; the name of the library follows."""

NOT_PRIVATE = {"_asdict", "_exit"}
"""Of named tuples and of `os`: documented, in spite of their underscore."""

INHERITED = {
    "_auto_update_scoring",
    "_batch_infer",
    "_do_transform",
    "_infers",
    "_scoring_methods",
    "_strategies",
    "_trainers",
    "_transforms_match",
}
"""Members of objects of libraries; where we set or declare them they look like ours."""


@functools.cache
def sources() -> list[tuple[Path, list[ast.AST], list[str]]]:
    """Files of the house with the nodes of their syntax trees and their lines."""
    paths = [path for folder in ("mammoseg", "monailabel_app", "scripts") for path in (ROOT / folder).rglob("*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(paths)}
    return [(path, list(ast.walk(ast.parse(text))), text.splitlines()) for path, text in texts.items()]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in NOT_PRIVATE


def private_names(node: ast.AST, own: set[str]) -> list[str]:
    """Private names of others that a node of a syntax tree uses or declares."""
    match node:
        case ast.ImportFrom(module=str(module)) if not module.startswith(("mammoseg", "monailabel_app")):
            return [part for part in [*module.split("."), *(alias.name for alias in node.names)] if is_private(part)]
        case ast.Import():
            return [part for alias in node.names for part in alias.name.split(".") if is_private(part)]
        case ast.Attribute(attr=name) if is_private(name) and name not in own:
            return [name]
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)) if name in INHERITED:
            return [name]
    return []


def own_names() -> set[str]:
    """Private names that are defined here: functions, classes, variables, and attributes of `self`."""
    own = set()
    for _, nodes, _ in sources():
        for node in nodes:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    own.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    own.add(name)
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    own.add(name)
    return own - INHERITED


def test_each_use_of_what_is_private_elsewhere_says_whose_it_is():
    own = own_names()
    properties = ROOT / "monailabel_app" / "lib" / "app.py"  # the one place that hands MONAI Label's members on
    unsaid = [
        f"{path.relative_to(ROOT)}:{node.lineno} uses {name}"
        for path, nodes, lines in sources()
        for node in nodes
        for name in private_names(node, own)
        if SAID not in lines[node.lineno - 1] and not (path == properties and isinstance(node, ast.Attribute))
    ]
    assert not unsaid, "\n".join(unsaid)


def test_highdicom_knows_the_modules_of_an_object_and_their_attributes():
    """Used by `mammoseg.dicom.iod`."""
    from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map

    iod = get_sop_class_iod_map()[pydicom.uid.SegmentationStorage]
    assert {"key": "patient", "usage": "M"}.items() <= get_iod_module_map()[iod][0].items()
    attribute = {"keyword": "PatientID", "type": "2", "path": []}
    assert any(attribute.items() <= row.items() for row in get_module_attribute_map()["patient"])


def test_pynetdicom_has_a_switch_for_sending_the_bytes_of_a_file():
    """Used by `mammoseg.archives.dimse`, which sets it; another name could be set as well, and nothing would happen."""
    from pynetdicom import _config, association

    assert isinstance(_config.STORE_SEND_CHUNKED_DATASET, bool)
    assert "_config.STORE_SEND_CHUNKED_DATASET" in inspect.getsource(association)


def test_pytorch_finds_the_leaves_of_nested_arguments():
    """Used by `mammoseg.inference.folding`, `mammoseg.cards.stages`, `mammoseg.active_learning.bottleneck`."""
    from torch.utils._pytree import tree_leaves

    assert tree_leaves(((1, [2]), {"out": {"deep": 3}})) == [1, 2, 3]


def test_pytorch_says_whether_the_processor_computes_bfloat16():
    """Used by `mammoseg.inference.bfloat16_inferer`."""
    assert isinstance(torch.cpu._is_avx512_bf16_supported(), bool)


def test_pythons_unpickler_has_a_table_of_operations():
    """Used by `mammoseg.checkpoints.torch_file`, which keeps some of them."""
    assert {code[0] for code in OPERATIONS} < pickle._Unpickler.dispatch.keys()


def test_requests_takes_the_body_of_an_answer_from_its_member():
    """Used by `mammoseg.archives.dicomweb.client`, which has read it within a limit."""
    response = requests.Response()
    response._content = b"read before"
    assert response.content == b"read before"


def test_monai_says_whether_a_random_transform_is_to_be_done():
    """Used by `mammoseg.transforms.blur` and `mammoseg.transforms.salt_and_pepper`."""
    transform = RandFlip(prob=1.0)
    transform.randomize(None)
    assert transform._do_transform is True


def test_monai_asks_a_transform_whether_a_record_is_its_own():
    """Used by `mammoseg.transforms.geometric`, which overrides it."""

    class Own(TraceableTransform):
        def __call__(self, data):
            return data

        def _transforms_match(self, transform):
            return transform["class"] == "Own"

    Own().check_transforms_match({"class": "Own"})
    with pytest.raises(RuntimeError, match="most recently applied"):
        Own().check_transforms_match({"class": "another"})


def test_monai_label_keeps_its_tasks_in_the_members_that_our_properties_name():
    """Used by `monailabel_app.lib.app` and `monailabel_app.main`."""
    shim.prepare()
    from monailabel.interfaces.app import MONAILabelApp

    from monailabel_app.lib.app import NamedTasks

    of_theirs = [name for name in NamedTasks.__annotations__ if name.startswith("_")]
    members = [*of_theirs, "_auto_update_scoring"]
    source = inspect.getsource(MONAILabelApp)
    assert [name for name in members if source.count(f"self.{name}") < 2] == []  # set, and used
