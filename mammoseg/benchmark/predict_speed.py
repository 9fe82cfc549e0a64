"""`mammoseg predict` on many full-size mammograms, next to the same steps one after the other in one thread."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import pydicom
from pydicom.uid import generate_uid

from mammoseg.benchmark.memory import measure_family_mib
from mammoseg.cores import count_cores
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom import FULL_FIELD_ROWS, generate_cohort
from mammoseg.data.records import FOLDER
from mammoseg.inference.lesions import find_masses
from mammoseg.inference.predictor import Predictor
from mammoseg.overlay import draw_overlay, write_picture
from mammoseg.prediction.file_job import build_asked_algorithm
from mammoseg.prediction.options import Options
from mammoseg.prediction.results import write_results

PATIENTS = 4
"""Different phantoms, two views each, of which all images are copies under UIDs of their own."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}

SECONDS_BETWEEN_LOOKS = 0.5
"""Between two looks at the memory in use."""


def benchmark_predict(
    weights: str, *, images: int = 100, size: int = FULL_FIELD_ROWS, staged: int = 12, alone: bool = False
) -> dict[str, Any]:
    """Compare `mammoseg predict` with the same steps one after the other in one thread: DICOM in, SEG, SR, overlay out.

    Args:
        weights: checkpoint of bundle `unet`.
        images: mammograms of a run.
        size: number of rows of the images.
        staged: images of the look at each stage.
        alone: leave the sequential run out, as for a look at the memory over many images.
    Returns:
        JSON values: wall-clock seconds and images per second of both runs, their ratio, the same without what passes
        before the first image is done, median seconds of each stage, and the memory of all processes together at a
        tenth, half and the whole of the run, in MiB.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = _make_images(root / "images", images, size)
        result: dict[str, Any] = {"images": images, "rows": size, "cores": count_cores()}
        result["predict"] = _run(root, "predict", weights, {})
        if not alone:
            result["sequential"] = _run(root, "sequential", weights, ONE_THREAD, "--workers", "1")
            for name in ("images_per_second", "images_per_second_after_the_first"):
                ratio = result["predict"][name] / result["sequential"][name]
                result[f"ratio_of_{name}"] = round(ratio, 3)
        result["median_seconds_of_stages"] = _measure_stages(weights, paths[:staged], root / "staged")
    return result


def _make_images(folder: Path, images: int, size: int) -> list[Path]:
    records = generate_cohort(folder / "made", patients=PATIENTS, size=size)
    made = [pydicom.dcmread(folder / "made" / record["image"]) for record in records]
    (folder / "used").mkdir()
    paths = [folder / "used" / f"{number:04d}.dcm" for number in range(images)]
    for number, path in enumerate(paths):
        dataset = made[number % len(made)]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=["mammoseg benchmark", str(number)]
        )
        dataset.save_as(path)
    return paths


def _run(root: Path, name: str, weights: str, threads: dict[str, str], *options: str) -> dict[str, Any]:
    output = root / name
    arguments = [str(root / "images" / "used"), "--output", str(output), "--weights", weights, *options]
    command = [sys.executable, "-m", "mammoseg.cli", "predict", *arguments]
    begin_of_epoch, begin = time.time(), time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | threads, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    memory: list[float] = []
    watch = threading.Thread(target=_watch_memory, args=(process.pid, memory))
    watch.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - begin
    watch.join()
    if process.returncode:
        raise RuntimeError(f"predict ended with exit code {process.returncode}: {errors.strip().splitlines()[-1]}")
    done = sorted(path.stat().st_mtime for path in (output / FOLDER).glob("*.json"))
    after_the_first = (len(done) - 1) / (done[-1] - done[0]) if len(done) > 1 else float("nan")
    return {
        "seconds": round(seconds, 2),
        "images_per_second": round(len(done) / seconds, 3),
        "seconds_to_first_image": round(done[0] - begin_of_epoch, 2),
        "images_per_second_after_the_first": round(after_the_first, 3),
        "memory_mib_at_tenth_half_end": [round(memory[int(part * (len(memory) - 1))]) for part in (0.1, 0.5, 0.95)],
        "peak_memory_mib": round(max(memory)),
    }


def _watch_memory(pid: int, memory: list[float]) -> None:
    """Add the memory of a process and all below it, in MiB, until it ends."""
    while psutil.pid_exists(pid):
        try:
            process = psutil.Process(pid)
            used = measure_family_mib(process)
        except psutil.NoSuchProcess:  # a process ended while the others were counted
            continue
        if process.status() == psutil.STATUS_ZOMBIE:
            return
        memory.append(used)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _measure_stages(weights: str, paths: list[Path], output: Path) -> dict[str, float]:
    """Median seconds of each stage of one file, one after the other, in this process."""
    output.mkdir()
    predictor, options = Predictor("unet", weights=weights), Options()
    algorithm, when = build_asked_algorithm(predictor, options), datetime.now(timezone.utc)
    seconds = defaultdict(list)
    for path in paths:
        times = [time.perf_counter()]

        def note_time(times: list[float] = times) -> None:
            times.append(time.perf_counter())

        mammogram = read_mammogram(path)
        note_time()
        prediction = predictor.predict(mammogram)
        note_time()
        found = find_masses(
            prediction.probability, mammogram, threshold=algorithm.threshold, least_area_mm2=algorithm.min_area_mm2
        )
        note_time()
        write_results(
            path,
            path.stem,
            found.probability,
            found.lesions,
            output=output,
            algorithm=algorithm,
            when=when,
            options=options,
            mammogram=mammogram,
        )
        note_time()
        write_picture(draw_overlay(mammogram.pixels, found.lesions), output / f"{path.stem}.png")
        note_time()
        names = ("read", "network", "lesions", "write SEG and SR", "overlay")
        for name, begin, end in zip(names, times, times[1:], strict=False):
            seconds[name].append(end - begin)
    return {name: round(statistics.median(values), 4) for name, values in seconds.items()}
