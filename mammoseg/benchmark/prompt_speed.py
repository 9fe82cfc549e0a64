"""The label server's answer to a click: requests for outlines of one mammogram, as a page and 3D Slicer send them."""

import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pydicom

from mammoseg.benchmark.label_server_speed import ALL_CORES, CORES
from mammoseg.data.mammogram import read_mammogram
from mammoseg.interactive.simulate import compute_depth
from mammoseg.program import find_free_port, request_here
from mammoseg.transforms.functional.breast import find_recorded_breast
from mammoseg.viewer.label_server import label_server

SECONDS = 120.0
"""For one request."""

REACH = 60.0
"""Pixels, along each axis, that the clicks of a place are at most away from it."""


def benchmark_label_prompts(image: str, *, model: str = "random_walker", count: int = 50) -> dict[str, Any]:
    """Ask a label server of its own for outlines, each with a click more; after ten elsewhere in the breast.

    Args:
        image: file of a DICOM mammogram.
        model: name of the interactive model.
        count: number of requests of either kind that count, after one that decodes the image.
    Returns:
        JSON values: rows and columns; seconds of the first request; of either kind the median and the slowest.
    """
    header = pydicom.dcmread(image, stop_before_pixels=True)
    rows, columns = int(header.Rows), int(header.Columns)
    places = np.argwhere(compute_depth(find_recorded_breast(read_mammogram(Path(image)))) > 2 * REACH)
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "images").mkdir()
        copyfile(image, root / "images" / "image.dcm")
        server = label_server(root / "images", root / "state", "", port=find_free_port(), environment=ALL_CORES)
        with server as running:
            name = str(header.SOPInstanceUID)
            taken: dict[str, list[float]] = {"page": [], "slicer": []}
            first = 0.0
            clicks: list[list[float]] = []
            for number in range(count + 1):
                if number % 10 == 0:
                    row, column = map(float, draw.choice(places))
                    clicks = []
                clicks.append([row + draw.uniform(-REACH, REACH), column + draw.uniform(-REACH, REACH)])
                page, slicer = (
                    _measure_page(running.url, name, model, clicks),
                    _measure_slicer(running.url, name, model, clicks),
                )
                if number == 0:
                    first = page
                    continue
                taken["page"].append(page)
                taken["slicer"].append(slicer)
    return {
        "rows": rows,
        "columns": columns,
        "cores": CORES,
        "model": model,
        "first_request_seconds": round(first, 3),
        **{
            kind: {"median_seconds": round(statistics.median(values), 4), "slowest_seconds": round(max(values), 4)}
            for kind, values in taken.items()
        },
    }


def _measure_page(url: str, image: str, model: str, clicks: list[list[float]]) -> float:
    body = {"image": image, "model": model, "foreground": clicks}
    return _measure_seconds(f"{url}/annotate/api/segment", json=body)


def _measure_slicer(url: str, image: str, model: str, clicks: list[list[float]]) -> float:
    voxels = [[round(column), round(row), 0] for row, column in clicks]
    params = {"params": json.dumps({"foreground": voxels, "background": []})}
    return _measure_seconds(f"{url}/infer/{model}?image={image}", data=params)


def _measure_seconds(url: str, **sent: Any) -> float:
    begin = time.perf_counter()
    request_here("post", url, timeout=SECONDS, **sent).raise_for_status()
    return time.perf_counter() - begin
