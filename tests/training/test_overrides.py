"""Options that override a config: what is let through, and the sentence for what is not."""

import json
import math

import pytest

from mammoseg.errors import WrongCallError
from mammoseg.training.overrides import check_overrides, check_size, check_use, is_checked, is_expression

CONFIG = {
    "bundle_name": "small",
    "network_def": {"_target_": "Network", "out_channels": 1},
    "train": {"dataloader": {"batch_size": 16, "shuffle": True}},
    "lr": 0.001,
    "max_epochs": 80,
    "val_interval": 1,
    "spatial_size": [256, 256],
    "crop": True,
    "aspect": "stretch",
    "encoder_weights": None,
    "threshold": "$0.5",
}


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"lr": 1, "max_epochs": 3, "crop": False, "spatial_size": (64, 32)},
        {"train::dataloader::batch_size": 4, "network_def::depth": 3},
        {"lr": "$1 / 3", "max_epochs": "@val_interval"},
        {"threshold": None},
        {"network_def::out_channels": 1},
    ],
)
def test_what_has_the_kind_of_the_config_or_is_an_expression_is_let_through(overrides):
    check_overrides(overrides, CONFIG)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"max_epoch": 3}, "there is no option --max_epoch;.*max_epochs"),
        ({"train::dataloader::batch": 3}, "no option --train::dataloader::batch;.*has: batch_size, shuffle"),
        ({"max_epochs": 2.5}, r"max_epochs is 2.5; the config has 80, give a value of that kind"),
        ({"crop": 1}, "crop is 1; the config has True"),
        ({"lr": "fast"}, "lr is 'fast'; the config has 0.001"),
        ({"threshold": "half"}, "threshold is 'half'; give a number"),
        ({"max_epochs": 0}, "max_epochs is 0; give a finite number from 1 on"),
        ({"spatial_size": [64]}, r"spatial_size is \[64\]; the config has \[256, 256\], give as many values"),
        ({"network_def::out_channels": 3}, "loss and labels of bundle 'small' are made for 1"),
        ({"val_interval": 5, "max_epochs": 4}, "val_interval is 5 and max_epochs 4, so no epoch would be validated"),
        ({"encoder_weights": "imagenet"}, "bundle 'small' has no encoder that could start with weights"),
    ],
)
def test_what_monai_would_not_notice_is_refused(overrides, sentence):
    with pytest.raises(WrongCallError, match=sentence):
        check_overrides(overrides, CONFIG)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", -1e-9), ("lr", math.inf), ("lr", math.nan), ("threshold", 1.01), ("seed", 2**32), ("spatial_size", [0, 8])],
)
def test_a_number_outside_of_its_range_is_refused(name, value):
    with pytest.raises(WrongCallError, match=f"^{name} is .*give a finite number from "):
        check_size(name, value, None)


@pytest.mark.parametrize(("name", "value"), [("lr", 0), ("threshold", 1), ("seed", 2**32 - 1), ("unknown", -5)])
def test_the_ends_of_a_range_belong_to_it(name, value):
    check_size(name, value, None)


def test_an_option_that_nothing_of_the_run_refers_to_is_refused(tmp_path):
    config = {
        "initialize": ["$seed(@seed)"],
        "training": ["$@trainer.run()"],
        "trainer": {"epochs": "@max_epochs", "loader": "@train::loader"},
        "train": {"loader": {"size": "%batch_size"}},
        "evaluating": ["$@evaluator.run()"],
        "evaluator": {"threshold": "@threshold"},
        **{"seed": 0, "max_epochs": 3, "batch_size": 4, "threshold": 0.5},
    }
    (tmp_path / "train.json").write_text(json.dumps(config))
    (tmp_path / "more.json").write_text(json.dumps({"train::loader::size": "@crops"}))
    files = [str(tmp_path / "train.json")]
    check_use("training", {"seed": 1, "max_epochs": 2, "train::loader::size": 3, "batch_size": 1}, files)
    check_use("evaluating", {"threshold": 0.4}, files)
    with pytest.raises(WrongCallError, match="--threshold changes nothing of a training; leave it out"):
        check_use("training", {"seed": 1, "threshold": 0.4}, files)
    with pytest.raises(WrongCallError, match="--max_epochs changes nothing of an evaluation"):
        check_use("evaluating", {"max_epochs": 2}, files)
    with pytest.raises(WrongCallError, match="--batch_size changes nothing of a training"):
        check_use("training", {"batch_size": 1}, [*files, str(tmp_path / "more.json")])  # which reads another


@pytest.mark.parametrize(("value", "expected"), [("$1 + 1", True), ("@lr", True), ("lr@", False), (3, False)])
def test_an_expression_begins_with_its_mark(value, expected):
    assert is_expression(value) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lr", 0.1, True),
        ("spatial_size", [8, 8], True),
        ("train", {}, False),
        ("train::dataloader", 3, False),
        ("lr", "@seed", False),
    ],
)
def test_all_of_a_plain_value_is_checked_and_not_all_of_a_part(name, value, expected):
    assert is_checked(name, value, CONFIG) == expected
