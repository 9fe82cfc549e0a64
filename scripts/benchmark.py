"""Measure what the documentation promises; each command prints JSON.

Usage: python scripts/benchmark.py preprocess [--image FILE] [--repeats 15]
       python scripts/benchmark.py predict --weights FILE [--images 100] [--size 3328] [--alone]
       python scripts/benchmark.py label_server --weights FILE [--requests 500] [--instances 10000]
       python scripts/benchmark.py prompts [--image FILE] [--model random_walker] [--count 50]
       python scripts/benchmark.py evaluate [--images 1000] [--side 256]
       python scripts/benchmark.py train --dataset-dir DIR [--side 256] [--batch 8] [--images 32] [--precision float32]
       python scripts/benchmark.py networks [--bundles unet,aunet] [--batch 1,8] [--json FILE] [--quick] [--compiled]
                                            [--engines]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start their threads
import sys
from collections.abc import Sequence
from json import dumps
from pathlib import Path

import torch

from mammoseg.benchmark.evaluate_speed import benchmark_evaluate
from mammoseg.benchmark.label_server_speed import benchmark_label_server
from mammoseg.benchmark.predict_speed import benchmark_predict
from mammoseg.benchmark.preprocess_speed import benchmark_preprocess
from mammoseg.benchmark.prompt_speed import benchmark_prompts
from mammoseg.benchmark.run import benchmark_networks
from mammoseg.benchmark.table import benchmark_table
from mammoseg.benchmark.train_speed import benchmark_train
from mammoseg.bundles import bundle_names
from mammoseg.command_line import run_script
from mammoseg.data.phantom import FULL_FIELD_ROWS

REAL_MAMMOGRAM = Path(__file__).parents[2] / "shared/data/dicom_mg/GH133_GE_MLO_jpegls14sv1_12bit.dcm"
"""3062 x 2394, JPEG lossless."""


def preprocess(image: str = str(REAL_MAMMOGRAM), repeats: int = 15) -> None:
    """Compare file -> 256 x 256 tensor with CLAHE against the decoding alone, on one core.

    Args:
        image: a DICOM mammogram.
        repeats: runs of each; the rounds alternate, so that a busy machine slows all alike.
    """
    print(dumps(benchmark_preprocess(image, repeats=repeats)))


def evaluate(images: int = 1000, side: int = 256) -> None:
    """Time the scores, tables and pictures of an evaluation, without any network, on one core.

    Args:
        images: number of images.
        side: rows and columns of each.
    """
    print(dumps(benchmark_evaluate(images, side=side)))


def networks(
    bundles: str | Sequence[str] = (),
    batch: int | Sequence[int] = (1, 8),
    json: str | None = None,
    threads: int = len(os.sched_getaffinity(0)),
    seconds: float = 8,
    rounds: int = 3,
    quick: bool = False,
    compiled: bool = False,
    engines: bool = False,
) -> None:
    """Time inference and training step of bundles at their recipe's size next to plain eager, with equal output.

    Prints a table and, as one line, all results as JSON.

    Args:
        bundles: names; all if none are given.
        batch: images at once.
        json: file to which results are added as they come; those it has already are not measured again.
        threads: number of threads of the CPU.
        seconds: time in seconds to spend on inference, and again on training, of one bundle and batch.
        rounds: fewest of each, whatever the time.
        quick: one round on a small image, to see that everything works.
        compiled: whether to measure inference through `torch.compile` too, which takes up to minutes a network.
        engines: whether to measure inference by OpenVINO too, in f32 and, where the processor has it, in bf16.
    """
    names = [bundles] if isinstance(bundles, str) else list(bundles) or bundle_names()
    batches = [batch] if isinstance(batch, int) else batch
    file = Path(json) if json else None
    results, failures = benchmark_networks(
        names,
        batches,
        file=file,
        quick=quick,
        threads=threads,
        seconds=seconds,
        rounds=rounds,
        compiled=compiled,
        engines=engines,
    )
    print(benchmark_table(results), dumps(results), sep="\n\n")
    if failures:
        sys.exit(f"not measured: {'; '.join(failures)}")


def predict(weights: str, images: int = 100, size: int = FULL_FIELD_ROWS, alone: bool = False) -> None:
    """Compare `mammoseg predict` with the same steps one after the other in one thread; prints JSON.

    Args:
        weights: checkpoint of bundle `unet`.
        images: mammograms of each run.
        size: number of rows of the images.
        alone: leave the sequential run out, as for the memory over 1,000 images.
    """
    print(dumps(benchmark_predict(weights, images=images, size=size, alone=alone), indent=2))


def train(
    dataset_dir: str,
    bundle: str = "unet_slim",
    side: int = 256,
    batch: int = 8,
    images: int = 32,
    rounds: int = 3,
    workers: int = 2,
    threads: int = len(os.sched_getaffinity(0)),
    precision: str = "auto",
) -> None:
    """Compare training by the common recipe with the bare loop on the same tensors, and with a plain PyTorch loop.

    Args:
        dataset_dir: folder of a datalist.json.
        bundle: whose network is trained.
        side: rows and columns of the grid.
        batch: images of a step.
        images: images of an epoch.
        rounds: epochs that count; the loops take turns after each, so that a busy machine slows all alike.
        workers: processes that load for the plain loop.
        threads: number of threads of the CPU.
        precision: as of `mammoseg train`.
    """
    torch.set_num_threads(threads)
    result = benchmark_train(
        dataset_dir,
        bundle=bundle,
        side=side,
        batch=batch,
        images=images,
        rounds=rounds,
        workers=workers,
        precision=precision,
    )
    print(dumps(result))


def label_server(
    weights: str, rounds: int = 40, clients: int = 8, requests: int = 500, instances: int = 10_000
) -> None:
    """Compare a request to the label server with the same steps in one process; ask from many sides; list an archive.

    Args:
        weights: checkpoint of bundle `unet`.
        rounds: number of rounds of one request and the same steps, taking turns.
        clients: number of clients that ask at once.
        requests: number of requests of these clients together; the memory is looked at meanwhile.
        instances: number of instances of the archive (an Orthanc) whose list is timed.
    """
    result = benchmark_label_server(
        weights, rounds=rounds, clients=clients, requests_in_all=requests, instances=instances
    )
    print(dumps(result, indent=2))


def prompts(image: str = str(REAL_MAMMOGRAM), model: str = "random_walker", count: int = 50) -> None:
    """Ask the label server for outlines of one mammogram, click by click.

    Args:
        image: DICOM file.
        model: name of the interactive model.
        count: number of requests of a page, and of Slicer, that count.
    """
    print(dumps(benchmark_prompts(image, model=model, count=count), indent=2))


if __name__ == "__main__":
    run_script(
        {
            command.__name__: command
            for command in (preprocess, predict, label_server, prompts, evaluate, networks, train)
        }
    )
