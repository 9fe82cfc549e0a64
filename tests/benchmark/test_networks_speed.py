"""The benchmark goes on where it stopped, tells what failed, and refuses to time something that computes otherwise."""

import json
import sys

import pytest
import torch

from mammoseg.benchmark import measure, networks_speed
from mammoseg.benchmark.table import format_benchmark
from mammoseg.errors import MammosegError


def variant(seconds: float, eager: float, **others) -> dict:
    times = {"seconds": seconds, "images_per_second": 1 / seconds, "times_as_fast": eager / seconds}
    return {**times, "peak_memory_mib": 100, "difference": 2e-7, **others}


def result(bundle: str, accelerated: float, *, batch: int = 1, quick: bool = False) -> dict:
    """Of a network that takes 0.5 s plain and 2 s for a training step."""
    return {
        "bundle": bundle,
        "batch": batch,
        "device": "CPU, 2 threads",
        "quick": quick,
        "image": [3, 256, 256],
        "parameters": 34_527_106,
        "macs": 65_400_000_000,
        "inference": {"eager": variant(0.5, 0.5), "accelerated": variant(accelerated, 0.5, peak_memory_mib=60)},
        "training": {"eager": variant(2.0, 2.0), "channels_last": variant(1.6, 2.0)},
    }


def test_table_has_a_row_a_bundle_and_the_median_and_the_lowest_below():
    table = format_benchmark([result("unet", 0.25), result("aunet", 0.4), result("fusionnet", 0.5)])
    row = "| unet | 3 x 256 x 256 | 34.5 | 65.4 | 2.00 | 4.00 | 2.00 | 100 / 60 | 2e-07 | 0.50 | 1.25 |"
    assert table.splitlines()[6] == row
    assert "Inference, accelerated: median 1.25 times as fast as plain eager over 3 bundles, lowest 1.00 (fus" in table


def test_engines_have_a_table_of_their_own():
    measured = result("unet", 0.25)
    measured["inference"]["openvino f32"] = variant(0.2, 0.5)
    measured["inference"]["openvino bf16"] = variant(0.1, 0.5, difference=2e-3)
    *_, header, _, row = format_benchmark([measured]).splitlines()
    assert header == "| bundle | accelerated | openvino f32 | difference | openvino bf16 | difference |"
    assert row == "| unet | 2.00 | 2.50 | 2e-07 | 5.00 | 2e-03 |"


def test_batches_and_quick_runs_have_tables_of_their_own():
    table = format_benchmark([result("unet", 0.25), result("unet", 0.2, batch=8), result("unet", 0.2, quick=True)])
    titles = [line for line in table.splitlines() if line.startswith("**")]
    assert titles == [
        "**CPU, 2 threads, batch 1**",
        "**CPU, 2 threads, batch 1, quick run: no measurement**",
        "**CPU, 2 threads, batch 8**",
    ]


def test_what_the_file_has_is_not_measured_again_and_the_rest_is_added(tmp_path, monkeypatch):
    (tmp_path / "b.json").write_text(json.dumps([result("unet", 0.25)]))
    monkeypatch.setattr(
        networks_speed, "measure_in_process", lambda bundle, *, batch, quick: result(bundle, 0.4, batch=batch)
    )
    results = list(networks_speed.benchmark_networks(["unet", "aunet"], [1, 8], json=tmp_path / "b.json"))
    assert [(r["bundle"], r["batch"]) for r in results] == [("unet", 1), ("aunet", 1), ("unet", 8), ("aunet", 8)]
    assert results[0] == result("unet", 0.25)
    assert json.loads((tmp_path / "b.json").read_text()) == results


def test_a_bundle_that_fails_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    def fail_for_unet(bundle, *, batch, quick):
        if bundle == "unet":
            raise RuntimeError("ended by signal 9")
        return result(bundle, 0.4)

    monkeypatch.setattr(networks_speed, "measure_in_process", fail_for_unet)
    results = networks_speed.benchmark_networks(["unet", "aunet"], 1, json=tmp_path / "b.json")
    assert next(results) == result("aunet", 0.4)
    with pytest.raises(MammosegError, match="not measured: unet, batch 1: ended by signal 9"):
        next(results)
    assert json.loads((tmp_path / "b.json").read_text()) == [result("aunet", 0.4)]


@pytest.mark.parametrize(
    ("program", "said"),
    [("import sys; sys.exit('no bundle')", "no bundle"), ("import os; os.kill(os.getpid(), 9)", "ended by signal 9")],
)
def test_the_end_of_a_process_is_told(program, said, tmp_path, monkeypatch):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(networks_speed.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RuntimeError, match=said):
        networks_speed.measure_in_process("unet")


def test_rounds_alternate_until_the_time_is_over_but_at_least_the_fewest():
    called = []
    runs = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    measure.measure_median_seconds(runs, seconds=0, rounds=(3, 50))
    assert called == ["a", "b"] * 3


def test_a_quick_measurement_has_facts_times_memory_and_differences():
    threads = torch.get_num_threads()
    measured = measure.measure_bundle("resnet22_fpn", quick=True)
    torch.set_num_threads(threads)
    assert (measured["image"], measured["parameters"]) == ([1, 64, 64], 5_137_585)
    assert measured["inference"].keys() == {"eager", "accelerated"}
    assert measured["training"].keys() == {"eager", "channels_last"}
    for part in ("inference", "training"):
        for values in measured[part].values():
            assert values["seconds"] > 0 and values["peak_memory_mib"] > 0 and values["difference"] < 1e-4


@pytest.mark.slow
def test_a_measurement_of_engines_has_openvino_with_the_logits_of_eager():
    threads = torch.get_num_threads()
    measured = measure.measure_bundle("unet_slim", quick=True, engines=True)["inference"]
    torch.set_num_threads(threads)
    assert measured["openvino f32"]["seconds"] > 0 and measured["openvino f32"]["difference"] < 1e-4


def test_a_variant_that_computes_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(measure, "accelerate", lambda network, image, **_: lambda image: 1.001 * network(image))
    with pytest.raises(ArithmeticError, match=r"'accelerated' differs by 0\.001 from plain eager, .* 1e-04"):
        measure.measure_bundle("resnet22_fpn", quick=True)
