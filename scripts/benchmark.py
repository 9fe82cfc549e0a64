"""Measure what the documentation promises; each command prints JSON.

Usage: python scripts/benchmark.py preprocess [--image FILE] [--repeats 15]
       python scripts/benchmark.py predict --weights FILE [--images 100] [--size 3328] [--alone]
       python scripts/benchmark.py networks [--bundles unet,aunet] [--batch 1,8] [--json FILE] [--quick] [--compiled]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start their threads
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import fire
import numpy as np
import pydicom
import torch
from pydicom.pixels import get_decoder, pixel_array

from mammoseg.benchmark.predict_speed import benchmark_predict
from mammoseg.benchmark.run import benchmark_networks
from mammoseg.benchmark.table import benchmark_table
from mammoseg.bundles import bundle_names
from mammoseg.data.phantom import FULL_FIELD_ROWS
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.transforms.pipelines import preprocessing

REAL_MAMMOGRAM = Path(__file__).parents[2] / "shared/data/dicom_mg/GH133_GE_MLO_jpegls14sv1_12bit.dcm"
"""3062 x 2394, JPEG lossless."""


def preprocess(image: str = str(REAL_MAMMOGRAM), repeats: int = 15) -> None:
    """Compare file -> 256 x 256 tensor with CLAHE against the decoding alone, on one core.

    Prints the median seconds of the list and of each decoder, their ratio, and the peak of resident memory over the
    idle processes (see `peak`) as a multiple of the decoded array. Only one allowed CPU is used.

    Args:
        image: a DICOM mammogram.
        repeats: runs of each; the rounds alternate, so that a busy machine slows all alike.
    """
    _use_one_core()
    dataset = pydicom.dcmread(image)
    syntax = dataset.file_meta.TransferSyntaxUID
    pipeline = preprocessing(spatial_size=(256, 256), clahe_clip_limit=2.0)
    runs: dict[str, Callable[[], object]] = {"preprocess": lambda: pipeline({"image": image})}
    for plugin in {"gdcm", "pylibjpeg"} & set(get_decoder(syntax).available_plugins):
        runs[plugin] = lambda plugin=plugin: pixel_array(dataset, decoding_plugin=plugin)
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    decode = min(value for name, value in median.items() if name != "preprocess")
    decoded_bytes = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    peak = int(subprocess.check_output([sys.executable, __file__, "peak", image], text=True))
    result = {
        "image": f"{dataset.Rows} x {dataset.Columns}, {syntax.name}",
        "median_seconds": {name: round(value, 4) for name, value in median.items()},
        "ratio_to_fastest_decoder": round(median["preprocess"] / decode, 3),
        "peak_memory_in_decoded_arrays": round(peak / decoded_bytes, 2),
        "repeats": repeats,
    }
    print(dumps(result))


def peak(image: str) -> None:
    """Print by how many bytes one run of the list raises the peak of resident memory over the idle processes.

    There are two: this one, and the child that decodes. They peak one after the other: the child answers when done.
    """
    _use_one_core()
    pipeline = preprocessing(spatial_size=(256, 256), clahe_clip_limit=2.0)
    with TemporaryDirectory() as folder:  # a small one first, so that all is loaded and the child is there
        small = Path(folder) / "small.dcm"
        write_mammogram(small, np.arange(4096).reshape(64, 64))
        pipeline({"image": small})
    (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    idle = {process: _memory(process, "VmRSS") for process in ("self", child)}
    for process in idle:
        Path(f"/proc/{process}/clear_refs").write_text("5")  # forget the peak that the imports reached
    pipeline({"image": image})
    while_decoding = idle["self"] + _memory(child, "VmHWM")
    after_decoding = _memory("self", "VmHWM") + _memory(child, "VmRSS")
    print(max(while_decoding, after_decoding) - sum(idle.values()))


def _memory(process: str, name: str) -> int:
    """Bytes of an entry of ``/proc/PROCESS/status``."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status[name].split()[0]) * 1024


def networks(
    bundles: str | Sequence[str] = (),
    batch: int | Sequence[int] = (1, 8),
    json: str | None = None,
    threads: int = len(os.sched_getaffinity(0)),
    seconds: float = 8,
    quick: bool = False,
    compiled: bool = False,
) -> None:
    """Time inference and training step of bundles at their recipe's size next to plain eager, with equal output.

    Prints a table and, as one line, all results as JSON.

    Args:
        bundles: names; all if none are given.
        batch: images at once.
        json: file to which results are added as they come; those it has already are not measured again.
        threads: of the CPU.
        seconds: to spend on inference, and again on training, of one bundle and batch; three rounds at least.
        quick: one round on a small image, to see that everything works.
        compiled: also measure inference through `torch.compile`, which takes up to minutes to compile a network.
    """
    names = [bundles] if isinstance(bundles, str) else list(bundles) or bundle_names()
    batches = [batch] if isinstance(batch, int) else batch
    file = Path(json) if json else None
    results, failures = benchmark_networks(
        names, batches, file=file, quick=quick, threads=threads, seconds=seconds, compiled=compiled
    )
    print(benchmark_table(results), dumps(results), sep="\n\n")
    if failures:
        sys.exit(f"not measured: {'; '.join(failures)}")


def predict(weights: str, images: int = 100, size: int = FULL_FIELD_ROWS, alone: bool = False) -> None:
    """Compare `mammoseg predict` with the same steps one after the other in one thread; prints JSON.

    Args:
        weights: checkpoint of bundle `unet`.
        images: mammograms of each run.
        size: their rows.
        alone: leave the sequential run out, as for the memory over 1,000 images.
    """
    print(dumps(benchmark_predict(weights, images=images, size=size, alone=alone), indent=2))


def _use_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


if __name__ == "__main__":
    fire.Fire({"preprocess": preprocess, "peak": peak, "predict": predict, "networks": networks})
