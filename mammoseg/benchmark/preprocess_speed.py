"""File to tensor with CLAHE next to the decoding alone, on one core.

Usage: `python -m mammoseg.benchmark.preprocess_speed FILE` (prints the peak of memory alone, in bytes)
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import fire
import numpy as np
import pydicom
import torch
from pydicom.pixels import get_decoder, pixel_array

from mammoseg.benchmark.measure import measure_median_seconds
from mammoseg.benchmark.memory import forget_peak, read_status_bytes
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.transforms.pipelines import Preprocessing, build_film_preprocessing


def benchmark_preprocess(image: str, *, repeats: int = 15) -> dict[str, Any]:
    """Compare file -> 256 x 256 tensor with CLAHE against the decoding alone, on one core.

    The rounds alternate, so that a busy machine slows all alike.

    Args:
        image: a DICOM mammogram.
        repeats: runs of each.
    Returns:
        JSON values: median seconds, their ratio, and the peak of resident memory over the idle processes (see
        `measure_peak_bytes`) as a multiple of the decoded array.
    """
    pipeline = _build_on_one_core()
    dataset = pydicom.dcmread(image)
    syntax = dataset.file_meta.TransferSyntaxUID
    runs: dict[str, Callable[[], object]] = {"preprocess": lambda: pipeline({"image": image})}
    for plugin in {"gdcm", "pylibjpeg"} & set(get_decoder(syntax).available_plugins):
        runs[plugin] = lambda plugin=plugin: pixel_array(dataset, decoding_plugin=plugin)  # type: ignore[misc]
    median = measure_median_seconds(runs, seconds=0, rounds=(repeats, repeats))
    decode = min(value for name, value in median.items() if name != "preprocess")
    decoded_bytes = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    peak = int(subprocess.check_output([sys.executable, "-m", __name__, image], text=True))
    return {
        "image": f"{dataset.Rows} x {dataset.Columns}, {syntax.name}",
        "median_seconds": {name: round(value, 4) for name, value in median.items()},
        "ratio_to_fastest_decoder": round(median["preprocess"] / decode, 3),
        "peak_memory_in_decoded_arrays": round(peak / decoded_bytes, 2),
        "repeats": repeats,
    }


def measure_peak_bytes(image: str) -> int:
    """By how many bytes one run of the list raises the peak of resident memory over the idle processes.

    There are two: this one, and the child that decodes. They peak one after the other: the child answers when done.
    """
    pipeline = _build_on_one_core()
    with TemporaryDirectory() as folder:  # a small one first, so that all is loaded and the child is there
        small = Path(folder) / "small.dcm"
        write_mammogram(small, np.arange(4096).reshape(64, 64))
        pipeline({"image": small})
    (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    idle = {process: read_status_bytes("VmRSS", process) for process in ("self", child)}
    for process in idle:
        forget_peak(process)  # that the imports reached
    pipeline({"image": image})
    while_decoding = idle["self"] + read_status_bytes("VmHWM", child)
    after_decoding = read_status_bytes("VmHWM") + read_status_bytes("VmRSS", child)
    return max(while_decoding, after_decoding) - sum(idle.values())


def _build_on_one_core() -> Preprocessing:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return build_film_preprocessing(spatial_size=(256, 256), clahe_clip_limit=2.0)


if __name__ == "__main__":
    fire.Fire(measure_peak_bytes)
