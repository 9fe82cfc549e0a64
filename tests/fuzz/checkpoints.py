"""Read damaged checkpoints the way every command does, and count how that ends."""

import time
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from mammoseg.checkpoints.checkpoint import build_trained_network, read_weights
from mammoseg.checkpoints.preprocessing import build_preprocessing
from mammoseg.errors import MammosegError
from tests.fuzz.mutations import Operation, draw_operations, mutate
from tests.fuzz.run import Report
from tests.fuzz.seeds import Seed
from tests.hostile.bad_checkpoints import CALL, COMMAND, ESCAPES, entries, repacked, saved, sound_content

REGIONS = ("archive", "pickle", "records")
"""What is damaged: bytes of the file, bytes of the pickle in it under a right checksum, or one recorded value."""

FINDINGS = ("traceback", "unprintable", "slow", "other weights")
"""Endings to look at: no error of ours, one with escape sequences, a long one, a flipped bit that was let in."""

SLOW_SECONDS = 10.0
"""Of the processor: a file that only waits for a busy machine is no finding."""

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 3, 8, 2**13, 2**31, 2**63, -(2**63), 0.5, -0.0, 1e300, float("inf"), float("nan")),
    *(
        "",
        "UNet",
        "AUNet",
        "basic",
        "res",
        "first",
        "../a",
        "a" * 10_000,
        "\ud800",
        ESCAPES,
        CALL,
        "@network",
        "%a.json",
    ),
    *([], [2, 4], [[2], [4]], (2, 4), [10**9] * 5, [2] * 65, {}, {"_target_": "os.system", "command": COMMAND}),
)
"""What stands for a recorded value."""

KEYS = (
    "",
    "_target_",
    "_mode_",
    "channels",
    "channels::_target_",
    "voi#_target_",
    "spatial_size",
    "encoder",
    ESCAPES,
    7,
)
"""What a value is recorded under, besides the names that are there."""

Case = tuple[str, list[Any]]
"""Region, and operations on its bytes; for ``records`` triples of part, key, and place in `VALUES`."""


def fuzz(*, seed: int, count: int | None = None, seconds: float = float("inf")) -> Report:
    """Read mutations until `count` or `seconds` are reached; the same `seed` draws the same ones."""
    report = Report()
    end = time.monotonic() + seconds
    with TemporaryDirectory() as folder:
        for index, case in enumerate(_draw_cases(seed)):
            if index == count or time.monotonic() > end:
                return report
            start = time.process_time()
            ending, details = read_case(Path(folder) / "mutation.pt", case)
            taken = time.process_time() - start
            ending = "slow" if taken > SLOW_SECONDS else ending
            report.slowest_seconds = max(report.slowest_seconds, taken)
            report.endings[f"{case[0]}: {ending}"] += 1
            if ending in FINDINGS:
                report.findings.append({"ending": ending, "details": details, "case": repr(case)})
    raise AssertionError("cases never run out")


def read_case(path: Path, case: Case) -> tuple[str, str]:
    """Write the mutation to `path` and read it: ``"weights"``, ``"refused"`` or one of `FINDINGS`; and details."""
    region, operations = case
    path.write_bytes(make(region, operations))
    try:
        weights = read_weights(path)
        network = build_trained_network(weights)
        build_preprocessing(weights)
    except MammosegError as error:
        return ("refused" if str(error).isprintable() else "unprintable"), repr(error)
    except Exception as error:
        return "traceback", repr(error)
    if region == "archive" and not _is_sound(network.state_dict()):
        return "other weights", ""
    return "weights", ""


def make(region: str, operations: list[Any]) -> bytes:
    """Bytes of the damaged file."""
    if region == "archive":
        return mutate(_sound(), operations)
    if region == "pickle":
        return repacked({"data.pkl": mutate(entries()["data.pkl"], operations)})
    content = sound_content()
    for part, key, place in operations:
        content[part] = {**content[part], key: VALUES[place]}
    return saved(content)


def _is_sound(model: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(model[key], value) for key, value in sound_content()["model"].items())


@cache
def _sound() -> bytes:
    return saved(sound_content())


def _draw_cases(seed: int) -> Iterator[Case]:
    random = np.random.default_rng(seed)
    with zipfile.ZipFile(BytesIO(_sound())) as archive:
        assert archive.testzip() is None
    # All bytes may be damaged, none is an element of DICOM.
    seeds = {"archive": Seed(_sound(), (), 0), "pickle": Seed(entries()["data.pkl"], (), 0)}
    while True:
        region = str(random.choice(REGIONS))
        if region in seeds:
            operations: list[Operation] = draw_operations(random, seeds[region], "pixels")
            yield region, operations
        else:
            yield region, [_draw_record(random) for _ in range(random.integers(1, 3))]


def _draw_record(random: np.random.Generator) -> tuple[str, Any, int]:
    part = str(random.choice(("network", "preprocessing", "provenance", "model")))
    names = [*sound_content()[part], *KEYS]
    return part, names[random.integers(len(names))], int(random.integers(len(VALUES)))
