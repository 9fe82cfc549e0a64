"""A damaged checkpoint ends in its own weights or in a sentence: no traceback, no hang, no other weights."""

import pytest

from tests.fuzz.checkpoints import REGIONS, fuzz, read_case

# Widths that a damaged record makes zero are refused once the network was built without memory, which PyTorch remarks.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op")


def test_what_is_not_damaged_is_read(tmp_path):
    assert [read_case(tmp_path / "sound.pt", (region, [])) for region in REGIONS] == [("weights", "")] * 3


def test_the_same_seed_draws_the_same_checkpoints():
    assert fuzz(seed=5, count=30).endings == fuzz(seed=5, count=30).endings


def test_no_mutation_of_a_checkpoint_gets_past_the_reader():
    report = fuzz(seed=0, count=400)
    assert sum(report.endings.values()) == 400
    assert report.findings == []
    assert {ending.split(": ")[1] for ending in report.endings} == {"weights", "refused"}
