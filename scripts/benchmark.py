"""Measure what the documentation promises; each command prints JSON, and its options after --help."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start their threads
import sys
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Any

import torch
from checkout import ROOT

from mammoseg.benchmark.evaluate_speed import benchmark_evaluate, benchmark_report
from mammoseg.benchmark.label_server_speed import benchmark_label_server
from mammoseg.benchmark.predict_speed import benchmark_predict
from mammoseg.benchmark.preprocess_speed import benchmark_preprocess
from mammoseg.benchmark.prompt_models import benchmark_prompts
from mammoseg.benchmark.prompt_speed import benchmark_label_prompts
from mammoseg.benchmark.run import benchmark_networks
from mammoseg.benchmark.table import format_benchmark
from mammoseg.benchmark.train_speed import benchmark_train
from mammoseg.bundles import list_bundle_names
from mammoseg.command_line import run_script

REAL_MAMMOGRAM = ROOT.parent / "shared/data/dicom_mg/GH133_GE_MLO_jpegls14sv1_12bit.dcm"
"""3062 x 2394, JPEG lossless."""


def preprocess(image: str = str(REAL_MAMMOGRAM), repeats: int = 15) -> None:
    """Compare file -> 256 x 256 tensor with CLAHE against the decoding alone, on one core.

    Args:
        image: a DICOM mammogram.
        repeats: runs of each; the rounds alternate, so that a busy machine slows all alike.
    """
    print(dumps(benchmark_preprocess(image, repeats=repeats)))


def evaluate(images: int = 1000, side: int = 256, models: int = 20, report_images: int = 1500) -> None:
    """Time the tables of an evaluation, and the report of several, without any network, on one core.

    Args:
        images: number of images of the evaluation.
        side: rows and columns of each.
        models: number of evaluations in the report.
        report_images: number of images of each.
    """
    print(dumps(benchmark_evaluate(images, side=side)))
    print(dumps(benchmark_report(models, images=report_images)))


def networks(
    bundles: str | Sequence[str] = (),
    batch: int | Sequence[int] = (1, 8),
    json: str | None = None,
    quick: bool = False,
    **options: Any,
) -> None:
    """Time inference and training step of bundles at their recipe's size next to plain eager, with equal output.

    Prints a table and, as one line, all results as JSON.

    Args:
        bundles: names; all if none are given.
        batch: images at once.
        json: file to which results are added as they come; those it has already are not measured again.
        quick: one round on a small image, to see that everything works.
        options: threads, seconds, rounds, compiled and engines of `mammoseg.benchmark.measure.measure_bundle`.
    """
    names = [bundles] if isinstance(bundles, str) else list(bundles) or list_bundle_names()
    options |= {"file": Path(json) if json else None, "quick": quick}
    results, failures = benchmark_networks(names, [batch] if isinstance(batch, int) else batch, **options)
    print(format_benchmark(results), dumps(results), sep="\n\n")
    if failures:
        sys.exit(f"not measured: {'; '.join(failures)}")


def predict(weights: str, **options: Any) -> None:
    """Compare `mammoseg predict` with the same steps one after the other in one thread; prints JSON.

    Args:
        weights: checkpoint of bundle `unet`.
        options: images, size and alone of `mammoseg.benchmark.predict_speed.benchmark_predict`.
    """
    print(dumps(benchmark_predict(weights, **options), indent=2))


def train(dataset_dir: str, threads: int = len(os.sched_getaffinity(0)), **options: Any) -> None:
    """Compare training by the common recipe with the bare loop on the same tensors, and with a plain PyTorch loop.

    Args:
        dataset_dir: folder of a datalist.json.
        threads: number of threads of the CPU.
        options: bundle, side, batch, images, rounds and workers of `mammoseg.benchmark.train_speed.benchmark_train`,
            and what `mammoseg train` takes, such as precision.
    """
    torch.set_num_threads(threads)
    print(dumps(benchmark_train(dataset_dir, **options)))


def prompts(
    dataset_dir: str,
    models: str | Sequence[str] = ("click_unet", "random_walker", "region_growing"),
    section: str = "test",
    seeds: int | Sequence[int] = (0, 1, 2),
    **options: Any,
) -> None:
    """Let a simulated annotator outline each mass of held-out films: Dice after each prompt, docs/interactive.md.

    Args:
        dataset_dir: folder of a datalist.json.
        models: names of interactive models.
        section: part of the datalist.
        seeds: numbers that the annotators' draws come from.
        options: weights, images and cache_dir of `mammoseg.benchmark.prompt_models.benchmark_prompts`.
    """
    options |= {"section": section, "seeds": [seeds] if isinstance(seeds, int) else seeds}
    for name in [models] if isinstance(models, str) else models:
        print(dumps(benchmark_prompts(name, dataset_dir, **options)), flush=True)


def label_server(weights: str, requests: int = 500, **options: Any) -> None:
    """Compare a request to the label server with the same steps in one process; ask from many sides; list an archive.

    Args:
        weights: checkpoint of bundle `unet`.
        requests: number of requests of all clients together; the memory is looked at meanwhile.
        options: rounds, clients and instances of `mammoseg.benchmark.label_server_speed.benchmark_label_server`.
    """
    print(dumps(benchmark_label_server(weights, requests_in_all=requests, **options), indent=2))


def label_prompts(image: str = str(REAL_MAMMOGRAM), model: str = "random_walker", count: int = 50) -> None:
    """Ask the label server for outlines of one mammogram, click by click.

    Args:
        image: DICOM file.
        model: name of the interactive model.
        count: number of requests of a page, and of Slicer, that count.
    """
    print(dumps(benchmark_label_prompts(image, model=model, count=count), indent=2))


if __name__ == "__main__":
    commands = (preprocess, predict, prompts, label_server, label_prompts, evaluate, networks, train)
    run_script({command.__name__: command for command in commands})
