"""Read damaged files the way `mammoseg predict` does, and count how that ends."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.read import read_header
from mammoseg.errors import InputRefusedError
from tests.fuzz.mutations import Operation, draw_operations, mutate
from tests.fuzz.seeds import find_elements, load_seed, seed_names

MODALITIES = ("MG", "RG", "OT", "CR", "DX")

FINDINGS = ("fault", "traceback", "damaged header", "E_TIMEOUT", "E_DECODER", "E_RESOURCES")
"""Endings to look at. The last three are contained, but say that something got past the gate."""

SMALL_SHARE = 0.9
"""Share of mutations that start from the phantoms, which are read 50 times as fast as the real files."""


Case = tuple[str, str, list[Operation]]
"""Name of a seed, region of it that is damaged, and what is done there."""


@dataclass
class Report:
    """How many mutations ended how, and the recipes of `FINDINGS`."""

    endings: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, str]] = field(default_factory=list)
    slowest_seconds: float = 0.0


def fuzz(
    *,
    seed: int,
    count: int | None = None,
    seconds: float = float("inf"),
    draw: Callable[[int], Iterator[Case]] | None = None,
    read: Callable[..., tuple[str, str]] | None = None,
) -> Report:
    """Read mutations until `count` or `seconds` are reached; the same `seed` draws the same ones.

    Args:
        draw: the cases of a seed; of DICOM files when None.
        read: writes a case to a path and reads it, as `read_case` does, which is the default.
    """
    draw, read = draw or _draw_cases, read or read_case
    report = Report()
    end = time.monotonic() + seconds
    with TemporaryDirectory() as folder, no_header_values_in_warnings():
        for index, (name, region, operations) in enumerate(draw(seed)):
            if index == count or time.monotonic() > end:
                return report
            start = time.monotonic()
            ending, details = read(Path(folder) / "mutation.dcm", name, region, operations)
            report.slowest_seconds = max(report.slowest_seconds, time.monotonic() - start)
            report.endings[f"{region}: {ending}"] += 1
            if ending in FINDINGS:
                case = repr((name, region, operations))
                report.findings.append({"ending": ending, "details": details, "case": case})
    raise AssertionError("cases never run out")


def read_case(path: Path, name: str, region: str, operations: list[Operation]) -> tuple[str, str]:
    """Write the mutation to `path` and read it: ``"image"``, a code, or one of `FINDINGS`; and details of it."""
    seed = load_seed(name)
    content = seed.file(mutate(seed.content, operations))
    path.write_bytes(content)
    try:
        mammogram = read_mammogram(path, modalities=MODALITIES)
        assert np.isfinite(mammogram.pixels).all(), "pixels are not finite"
        if region == "header":
            read_header(path)
            damage = _damage(content)
            if damage:
                return "damaged header", damage
    except InputRefusedError as error:
        return ("fault" if error.code == "E_FAULT" else error.code), error.reason
    except Exception as error:
        return "traceback", repr(error)
    return "image", ""


def _damage(content: bytes) -> str:
    """Why pydicom cannot walk a file from its first element to the end of Pixel Data, or nothing.

    A header that breaks no rule of structure is not damaged: a flipped bit in a name or a date gives another one.
    """
    try:
        find_elements(content)
    except Exception as error:
        return repr(error)
    return ""


def _draw_cases(seed: int) -> Iterator[Case]:
    random = np.random.default_rng(seed)
    names = seed_names()
    small = [name for name in names if len(load_seed(name).content) < 2**16]
    while True:
        name = str(random.choice(small if random.random() < SMALL_SHARE else names))
        region = "header" if random.random() < 0.6 else "pixels"
        yield name, region, draw_operations(random, load_seed(name), region)
