"""The label server: one request next to the same steps in one process, many clients at once, a large archive."""

import io
import statistics
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pydicom
import torch
from pydicom.uid import UID, generate_uid
from requests import RequestException, Session, get, post
from requests.adapters import HTTPAdapter

from mammoseg.benchmark.measure import measure_median_seconds
from mammoseg.benchmark.memory import measure_family_mib
from mammoseg.cores import count_cores
from mammoseg.data.phantom import FULL_FIELD_ROWS, SMALLEST_SIZE, generate_cohort
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.read import read_header
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.inference.lesions import find_masses
from mammoseg.inference.predictor import Predictor
from mammoseg.prediction.file_job import build_asked_algorithm
from mammoseg.prediction.options import Options
from mammoseg.program import find_free_port
from mammoseg.viewer.archive import LocalArchive, local_archive
from mammoseg.viewer.label_server import LabelServer, label_server

CORES = count_cores()

PATIENTS = 4
"""Different phantoms, two views each."""

VIEWS = 4
"""Instances of a study of the large archive."""

LOOKS = 15
"""At a list that is known already; the median counts."""

LOOKS_AT_MEMORY = 50

ALL_CORES = {"OMP_NUM_THREADS": str(CORES)}
"""Of the server, whatever this process has."""


def benchmark_label_server(
    weights: str,
    *,
    rounds: int = 40,
    clients: int = 8,
    requests: int = 500,
    instances: int = 10_000,
    size: int = FULL_FIELD_ROWS,
) -> dict[str, Any]:
    """Compare a request to the label server with the same steps in one process; ask from many sides; list an archive.

    Args:
        weights: checkpoint of bundle `unet`.
        rounds: number of rounds of one request and the same steps in this process, taking turns, after one of
            each for every image.
        clients: number of clients that ask at once.
        requests: number of requests of all clients together; the memory is looked at meanwhile.
        instances: number of instances of the archive, of which all are small.
        size: rows of the mammograms to segment.
    Returns:
        JSON values: median seconds of both and their ratio; how many requests got the SEG of their image, and the
        memory of all processes of the server at a tenth, half and the end of them, in MiB; seconds of the first look
        at the archive, of the list after it, and of the first list after a restart.
    """
    given = f"unet={Path(weights).resolve()}"
    torch.set_num_threads(CORES)
    result: dict[str, Any] = {"rows": size, "cores": CORES}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        images = _make_images(root / "made", size)
        with label_server(
            root / "made" / "images", root / "state", given, port=find_free_port(), environment=ALL_CORES
        ) as server:
            result["one_request"] = _measure_request(server, weights, images, rounds)
            result["many_clients"] = _measure_clients(server, images, clients, requests)
        with local_archive() as archive:
            _fill(archive, root / "small", instances)
            result["large_archive"] = _measure_large_archive(archive, root / "other state", given, instances)
    return result


def _make_images(folder: Path, size: int) -> dict[str, Path]:
    """Phantoms by their SOP Instance UID."""
    records = generate_cohort(folder, patients=PATIENTS, size=size)
    paths = [folder / record["image"] for record in records]
    return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in paths}


def _measure_request(server: LabelServer, weights: str, images: dict[str, Path], rounds: int) -> dict[str, Any]:
    """Median seconds of a request, and of decoding, preprocessing, network, lesions and SEG in this process."""
    predictor = Predictor("unet", weights=weights)
    session, asked, computed = Session(), cycle(images), cycle(images.values())
    runs = {
        "server": lambda: _ask(server, session, next(asked)),
        "one_process": lambda: _compute(predictor, next(computed)),
    }
    measure_median_seconds(runs, seconds=0, rounds=(len(images), len(images)))
    median = measure_median_seconds(runs, seconds=0, rounds=(rounds, rounds))
    return {
        "rounds": rounds,
        "median_seconds": {name: round(value, 4) for name, value in median.items()},
        "ratio": round(median["server"] / median["one_process"], 3),
    }


def _ask(server: LabelServer, session: Session, image: str) -> bytes:
    answer = session.post(f"{server.url}/infer/unet?image={image}&output=dicom_seg", timeout=600)
    answer.raise_for_status()
    return answer.content


def _compute(predictor: Predictor, path: Path) -> None:
    algorithm = build_asked_algorithm(predictor, Options())
    prediction = predictor(path)
    found = find_masses(
        prediction.probability,
        prediction.mammogram,
        threshold=algorithm.threshold,
        least_area_mm2=algorithm.min_area_mm2,
    )
    analysis = Analysis(read_header(path), found.lesions, algorithm, datetime.now(timezone.utc), found.probability)
    with tempfile.TemporaryDirectory() as folder:
        write_object(build_segmentation(analysis), Path(folder) / "mass.seg.dcm")


def _measure_clients(server: LabelServer, images: Iterable[str], clients: int, count: int) -> dict[str, Any]:
    """How many requests were answered with the SEG of the image that was asked for, and the memory meanwhile."""
    memory, right, process = [], 0, psutil.Process(server.process.pid)
    begin = time.perf_counter()
    with Session() as session, ThreadPoolExecutor(clients) as pool:
        session.mount("http://", HTTPAdapter(pool_maxsize=clients))
        uids = [uid for _, uid in zip(range(count), cycle(images), strict=False)]
        asked = [pool.submit(_is_answered, server, session, uid) for uid in uids]
        for number, answer in enumerate(as_completed(asked)):
            right += answer.result()
            if number % max(1, count // LOOKS_AT_MEMORY) == 0:
                memory.append(measure_family_mib(process))
    return {
        "clients": clients,
        "requests": count,
        "answered": right,
        "requests_per_second": round(count / (time.perf_counter() - begin), 3),
        "memory_mib_at_tenth_half_end": [round(memory[int(part * (len(memory) - 1))]) for part in (0.1, 0.5, 1)],
        "peak_memory_mib": round(max(memory)),
    }


def _is_answered(server: LabelServer, session: Session, image: str) -> bool:
    try:
        segmentation = pydicom.dcmread(io.BytesIO(_ask(server, session, image)))
    except RequestException:
        return False
    (series,) = segmentation.ReferencedSeriesSequence
    return series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image


def _fill(archive: LocalArchive, folder: Path, instances: int) -> None:
    """Store so many copies of a small phantom, four a study, each under UIDs of its own."""
    path = next(iter(_make_images(folder, SMALLEST_SIZE).values()))

    def store(number: int) -> None:
        dataset = pydicom.dcmread(path)
        dataset.PatientID = f"PHANTOM-{number // VIEWS}"
        dataset.StudyInstanceUID = _derive_uid("study", number // VIEWS)
        dataset.SeriesInstanceUID = _derive_uid("series", number)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _derive_uid("instance", number)
        content = io.BytesIO()
        dataset.save_as(content)
        post(f"{archive.url}/instances", content.getvalue(), auth=archive.user, timeout=60).raise_for_status()

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(store, range(instances)))


def _derive_uid(level: str, number: int) -> UID:
    return generate_uid(entropy_srcs=["mammoseg benchmark", level, str(number)])


def _measure_large_archive(archive: LocalArchive, state: Path, weights: str, instances: int) -> dict[str, Any]:
    """Seconds of the first look, of the list after it, and of the first list after a restart.

    Raises:
        ArithmeticError: not all instances are listed.
    """
    with label_server(archive, state, weights, port=find_free_port(), environment=ALL_CORES) as server:
        first, listed = _measure_list(server)
        if listed != instances:
            raise ArithmeticError(f"{listed} of {instances} instances are listed.")
        known = statistics.median(_measure_list(server)[0] for _ in range(LOOKS))
    with label_server(archive, state, weights, port=find_free_port(), environment=ALL_CORES) as server:
        restarted, _ = _measure_list(server)
    return {
        "instances": instances,
        "first_look_seconds": round(first, 3),
        "list_seconds": round(known, 4),
        "list_seconds_after_restart": round(restarted, 4),
    }


def _measure_list(server: LabelServer) -> tuple[float, int]:
    """Seconds of the list of all images with their labels, and how many there are."""
    begin = time.perf_counter()
    answer = get(f"{server.url}/datastore/?output=all", timeout=3600)
    answer.raise_for_status()
    return time.perf_counter() - begin, len(answer.json()["objects"])
