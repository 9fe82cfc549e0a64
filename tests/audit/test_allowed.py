"""What a config may name: what computes, under whatever name, and nothing that makes or runs what a name says."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import monai
import pytest

from mammoseg.audit.allowed import MONAI_ROOMS, has_deciding_argument, is_allowed, is_foreign

FINDERS = ("locate", "import_module", "__import__", "eval", "exec", "compile", "run_cmd")
"""Functions that find or run what a text says."""


@pytest.mark.parametrize(
    "name",
    ["UNet", "Unet", "LoadImageD", "MedNeXtSmall", "monai.networks.nets.unet.UNet", "ignite.handlers.ProgressBar"]
    + ["monai.transforms.LoadImaged", "ignite.metrics.Accuracy", "mammoseg.networks.UNet", "TensorBoardStatsHandler"],
)
def test_what_computes_is_allowed(name):
    assert is_allowed(name)


@pytest.mark.parametrize(
    "name",
    ["TorchVision", "TorchVisiond", "TorchVisionD", "TorchVisionDict", "RandTorchVisionDict", "PerceptualLoss"]
    + ["monai.transforms.TorchVisionD", "monai.transforms.utility.dictionary.TorchVisionDict"]
    + ["monai.losses.perceptual.PerceptualLoss", "SUPPORTED_READERS", "NumpyReader", "monai.transforms.Compose.x"],
)
def test_what_makes_or_runs_what_a_name_says_is_not_whatever_it_is_called(name):
    assert not is_allowed(name)


@pytest.mark.parametrize(
    "name",
    ["MLFlowHandler", "ClearMLHandler", "ClearMLStatsHandler", "monai.handlers.ClearMLImageHandler"]
    + [f"ignite.handlers.{name}Logger" for name in ("WandB", "MLflow", "ClearML", "Neptune", "Polyaxon", "Visdom")],
)
def test_what_talks_to_other_machines_is_not(name):
    assert not is_allowed(name)


@pytest.mark.parametrize(
    ("name", "takes"),
    [("LoadImage", True), ("SaveImageDict", True), ("PatchInferer", True), ("monai.engines.SupervisedTrainer", True)]
    + [("UNet", False), ("MedNeXtS", False), ("torch.optim.Adam", False)],
)
def test_what_takes_a_name_of_what_runs_is_known_by_its_arguments(name, takes):
    assert has_deciding_argument(name) == takes


@pytest.mark.parametrize("text", ["os.system", "builtins.exec", "open.__call__", "monai.bundle.run", "pickle.loads"])
def test_a_full_name_of_what_is_not_allowed_is_foreign(text):
    assert is_foreign(text)


@pytest.mark.parametrize(
    "text",
    ["model.pt", "test.json", "code.txt", "torch.float16", "monai.data.ITKReader", "open", "no_such_package.a"]
    + ["1.5.0", "Use os.system here.", "mammoseg.networks.UNet"],
)
def test_a_file_a_sentence_and_what_is_allowed_are_not_foreign(text):
    assert not is_foreign(text)


def test_no_class_of_monai_that_finds_what_a_text_says_is_made_of_any_text():
    """Whoever updates MONAI reads what is new here: a class that takes a name belongs in the lists of `allowed`."""
    of_other_names = {"FlexUNetEncoderRegister"}  # by a method, which no expression may call
    found = find_makers({name for name, nodes in read_rooms().items() if any(map(finds, nodes))})
    assert {"LoadImaged", "SaveImage", "PatchInferer", "TorchVisiond", "RandCuCIMd", "PerceptualLoss"} <= found
    assert {name for name in found - of_other_names if is_allowed(name) and not has_deciding_argument(name)} == set()


@cache
def read_rooms():
    """All calls and bases in each class and function of the rooms of MONAI, by its name."""
    root, calls = Path(monai.__file__).parent, defaultdict(list)
    for path in (path for room in MONAI_ROOMS for path in (root / room.replace(".", "/")).rglob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef):
                calls[statement.name] += [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
                calls[statement.name] += getattr(statement, "bases", [])
    return calls


def finds(node):
    """Whether a call finds or runs what a text says that is not written out there."""
    if not isinstance(node, ast.Call):
        return False
    name, first = ast.unparse(node.func), next(iter(node.args), None)
    named = {keyword.arg: keyword.value for keyword in node.keywords}.get("name", first)
    if name == "optional_import":
        return not isinstance(first, ast.Constant) or not isinstance(named, ast.Constant)
    return name in FINDERS or name.endswith("hub.load")


def find_makers(names):
    """Names of the classes and functions that make one of these or are one, and of those that make them in turn."""
    while True:
        more = {name for name, nodes in read_rooms().items() if not names.isdisjoint(map(read_name, nodes))}
        if more <= names:
            return names
        names = names | more


def read_name(node):
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)
