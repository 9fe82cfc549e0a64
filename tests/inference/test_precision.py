"""The network computes in the precision that was asked for, or that its device is good at."""

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.inferers import SimpleInferer

from mammoseg.bundles import locate_bundle
from mammoseg.errors import WrongCallError
from mammoseg.inference import precision as module
from mammoseg.inference.bfloat16_inferer import Bfloat16Inferer
from mammoseg.inference.precision import choose_precision
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset

CPU, CARD = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def bfloat16(request, monkeypatch):
    monkeypatch.setattr(module, "computes_bfloat16", lambda kind: request.param)


@pytest.mark.parametrize(
    ("bfloat16", "device", "chosen"),
    [(True, CPU, "bfloat16"), (True, CARD, "bfloat16"), (False, CPU, "float32"), (False, CARD, "float16")],
    indirect=["bfloat16"],
)
def test_auto_takes_bfloat16_then_float16_on_a_card_then_float32(bfloat16, device, chosen):
    assert choose_precision("auto", device=device) == chosen


@pytest.mark.parametrize("bfloat16", [False], indirect=True)
@pytest.mark.parametrize("asked", ["bfloat16", "float16"])
def test_what_a_processor_does_not_compute_is_refused(bfloat16, asked):
    with pytest.raises(WrongCallError, match=f"device 'cpu' does not compute in {asked}; take auto or float32"):
        choose_precision(asked, device=CPU)


def test_an_unknown_precision_is_refused():
    with pytest.raises(WrongCallError, match="unknown precision 'half'; known: auto, float32, bfloat16, float16"):
        choose_precision("half", device=CPU)


@pytest.mark.parametrize("bfloat16", [True], indirect=True)
@pytest.mark.parametrize(("asked", "kind"), [("bfloat16", Bfloat16Inferer), ("float32", SimpleInferer)])
def test_training_and_validation_run_in_the_precision_of_the_option(bfloat16, asked, kind, tmp_path):
    overrides = tiny_overrides(write_tiny_dataset(tmp_path), tmp_path, precision=asked)
    parser = workflow("unet", **overrides).parser
    assert type(parser.get_parsed_content("train::trainer").inferer) is kind
    assert type(parser.get_parsed_content("validate::evaluator").inferer) is kind
    assert not parser.get_parsed_content("train::trainer").amp


def test_a_paper_trains_in_float32_on_a_processor_unless_told(tmp_path):
    parser = workflow("unet", **tiny_overrides(write_tiny_dataset(tmp_path), tmp_path)).parser
    assert parser.get_parsed_content("chosen_precision") == "float32"


@pytest.mark.parametrize("bfloat16", [True], indirect=True)
@pytest.mark.parametrize(("options", "kind"), [({}, SimpleInferer), ({"precision": "bfloat16"}, Bfloat16Inferer)])
def test_an_evaluation_is_in_float32_whatever_trained_the_weights_unless_told(bfloat16, options, kind, tmp_path):
    configs = Path(locate_bundle("efficientnet_unet")) / "configs"
    parser = ConfigParser({"device": CPU})
    parser.read_config([str(configs / f"{name}.json") for name in ("train", "evaluate")])
    parser.update({"device": CPU, "flips": False, **options})
    assert type(parser.get_parsed_content("validate::inferer").look) is kind
