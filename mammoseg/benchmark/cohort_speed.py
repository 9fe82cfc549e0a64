"""`mammoseg cohort` over very many small mammograms: how fast, and what memory it has as more and more are done."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from mammoseg.benchmark.memory import measure_family_mib, read_status_bytes
from mammoseg.checkpoints.checkpoint import save_checkpoint
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.networks.unet import UNet
from mammoseg.transforms.pipelines import build_film_preprocessing

SAMPLES = 10
"""How often the memory is looked at."""

PAUSE_SECONDS = 0.2
"""Between two looks at how many are done."""


def benchmark_cohort(folder: Path, *, images: int, workers: int) -> dict[str, Any]:
    """Do so many mammograms of 80 x 60 pixels, all different, with a network of a thousandth of a second.

    Args:
        folder: folder of mammograms and results; mammograms that an earlier call has made are taken again.
        workers: number of processes that segment.

    Returns:
        JSON values: images a second from the first tenth to the end, processor seconds an image, and after each tenth
        how many were done, seconds since the start, memory of all processes (MiB, shared pages once) and the largest
        that each process ever had (MiB, shared pages too).

    Raises:
        RuntimeError: the command failed.
    """
    source, output = folder / "mammograms", folder / f"results-{images}-{workers}"
    _make_mammograms(source / str(images), images)
    weights = _write_small_weights(folder / "small.pt")
    words = [source / str(images), "-o", output, "--bundle", "unet", "--weights", weights, "--device", "cpu"]
    command = [sys.executable, "-m", "mammoseg", "cohort", *map(str, words), "--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "said.txt").open("w") as said:
        run = subprocess.Popen(command, stdout=said, stderr=said)
        samples = list(
            _take_samples(run, output / "ledger.jsonl", [images * n // SAMPLES for n in range(1, SAMPLES + 1)])
        )
        code = run.wait()
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}; see {folder / 'said.txt'}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first, last = samples[0], samples[-1]
    speed = (last["done"] - first["done"]) / (last["seconds"] - first["seconds"])
    return {
        "images": images,
        "workers": workers,
        "images_per_second": round(speed, 2),
        "processor_seconds_an_image": round(processor / images, 4),
        "samples": samples,
    }


def _take_samples(run: "subprocess.Popen[bytes]", ledger: Path, marks: list[int]) -> Iterator[dict[str, Any]]:
    """A sample when each of `marks` is reached, as far as the run is not over before it is looked at."""
    start, done, read = time.perf_counter(), 0, 0
    for mark in marks:
        while done < mark and run.poll() is None:
            time.sleep(PAUSE_SECONDS)
            if ledger.exists():
                with ledger.open("rb") as file:
                    file.seek(read)
                    new = file.read()
                done, read = done + new.count(b"\n"), read + len(new)
        try:
            parent = psutil.Process(run.pid)
            peaks = [read_status_bytes("VmHWM", one.pid) for one in (parent, *parent.children(recursive=True))]
            memory = {"mib": round(measure_family_mib(parent)), "peaks_mib": [round(peak / 2**20) for peak in peaks]}
        except (psutil.Error, KeyError, OSError):  # it has ended meanwhile
            return
        yield {"done": done, "seconds": round(time.perf_counter() - start, 1), **memory}


def _make_mammograms(folder: Path, count: int) -> None:
    """Noise in a breast, a bright mass, every one with pixels of its own; 100 a folder."""
    if folder.exists():
        return
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.integers(800, 2000, (80, 60)).astype(np.uint16)
        pixels[:, 50:] = 0  # beside the breast
        pixels[20:30, 20:30] = 4000
        write_mammogram(folder / f"{number // 100:03}" / f"{number:05}.dcm", pixels)


def _write_small_weights(path: Path) -> Path:
    """An untrained U-Net of four and eight channels on 32 x 16 pixels."""
    torch.manual_seed(0)
    network = UNet(channels=(4, 8))
    settings = build_film_preprocessing(spatial_size=(32, 16)).settings
    parts = {"model": network.state_dict(), "network": network.config, "preprocessing": settings}
    save_checkpoint(path, parts | {"provenance": {"source": "phantom"}})
    return path
