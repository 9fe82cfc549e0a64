"""Feed hostile plans, datalists, ledgers and recorded evaluations to all that reads them, under the hook of `Watch`.

Usage: python -m tests.hostile.attack_records FOLDER; prints JSON as its last line, see `main`.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mammoseg.cohort.items import find_files
from mammoseg.cohort.ledger import Ledger
from mammoseg.data.datalist import read_datalist
from mammoseg.errors import MammosegError
from mammoseg.evaluation.lesion_tables import read_curve, read_froc
from mammoseg.evaluation.plots import read_training_log
from mammoseg.evaluation.speeds import list_speeds, read_speeds
from mammoseg.evaluation.tables import read_per_image, read_provenance, say_provenance
from mammoseg.plans.plan import read_plan
from mammoseg.plans.state import check_same, read_status
from mammoseg.plans.steps import Step
from mammoseg.provenance import find_doubt, find_warning
from tests.hostile.watch import Watch

CALL = {"_target_": "os.system", "command": "touch pwned"}

PLAN = {
    "name": "a",
    "datasets": {"films": {"dataset_dir": "films"}},
    "runs": [{"name": "first", "bundle": "unet", "dataset": "films"}],
}

PROVENANCE = {"bundle": "unet", "source": "phantom", "started_from": {"source": "phantom"}}

HOSTILE: dict[str, Any] = {
    "half a list": b"[",
    "a list": [],
    "a number": 5,
    "nothing": None,
    "a text": "\x1b[2J",
    "no text at all": b"\xff\xfe\0\1",
    "nested deep": b'{"a":' * 100_000,
    "a long text": {"name": "x" * 2**20},
    "no number": b'{"name": NaN, "runs": Infinity}',
    "a number of 5,000 digits": b'{"name": ' + b"9" * 5000 + b"}",
    "half a surrogate": b'{"name": "\\ud800"}',
    "a call": CALL,
    "a plan whose run is a call": PLAN | {"runs": [PLAN["runs"][0] | {"overrides": {"network_def": CALL}}]},
    "a plan with a separator": PLAN | {"runs": [PLAN["runs"][0] | {"overrides": {"lr::_target_": 1}}]},
    "a plan of an unknown bundle": PLAN | {"runs": [PLAN["runs"][0] | {"bundle": "\x1b[2J" + "x" * 9999}]},
    "a plan with an expression for a path": PLAN | {"datasets": {"films": {"dataset_dir": "$__import__('os')"}}},
    "a failure of no text": {"reason": ["\x1b[2J"]},
    "provenance of a list": {"provenance": []},
    "provenance whose bundle is a list": {"provenance": PROVENANCE | {"bundle": ["unet"]}},
    "provenance whose origin is a text": {"provenance": PROVENANCE | {"started_from": ["a"]}},
    "lines of a ledger": b'{"key": 1}\n[]\n{"key": [], "name": "../../x", "settings": "s"}\n{"stored": {}}\n',
    "words where numbers belong": (
        b"image_id,patient_id,laterality,view,has_mass,grid,dice,rule,false_positives,sensitivity,low,high,masses,images,"
        b"empty_because,epoch,train_loss,val_mean_dice,lr\n" + b"$__import__('os')," * 18 + b"\n"
    ),
    "cells without an end": b'image_id,patient_id\n"' + b"x" * 2**20,
}
"""Contents by what they are; every reader gets each of them, whatever its form."""


def readers(folder: Path) -> dict[str, Callable[[bytes], Any]]:
    """All that reads such a file, by what a person would call it; each gets the content that it writes first."""
    step = Step("train/first", "train", ("unet",), {}, {"lr": 1}, ())
    place = folder / step.key
    place.mkdir(parents=True)

    def of(path: Path, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        def run(content: bytes) -> Any:
            path.write_bytes(content)
            try:
                return read(path)
            finally:
                path.unlink()

        return run

    def ledger(path: Path) -> list[Any]:
        with Ledger(path, "s").open() as opened:
            return list(opened.read_rows())

    def provenance(path: Path) -> Any:
        told = read_provenance(path.parent)
        return find_warning(told), find_doubt(told), say_provenance(told), list_speeds([], {"a": told}, [], grid="")

    return {
        "plan": of(folder / "plan.json", read_plan),
        "why a step failed": of(place / "failed.json", lambda _: read_status(step, folder)),
        "settings of a step": of(place / "settings.json", lambda _: check_same([step], folder)),
        "datalist": of(folder / "datalist.json", read_datalist),
        "datalist of a cohort": of(folder / "datalist.json", lambda path: find_files([path], folder / "out")),
        "ledger": of(folder / "ledger.jsonl", ledger),
        "speeds": of(folder / "speeds.json", read_speeds),
        "summary": of(folder / "summary.json", provenance),
        "scores": of(folder / "per_image.csv", read_per_image),
        "found masses": of(folder / "froc.csv", lambda path: read_froc(path.parent)),
        "curve of masses": of(folder / "froc_curve.csv", lambda path: read_curve(path.parent, grid="a")),
        "training log": of(folder / "metrics.csv", read_training_log),
    }


def ending(read: Callable[[bytes], Any], content: bytes) -> str:
    """``"fine"``: it was read, or refused in a sentence that can be printed; or what is wrong with the end."""
    try:
        read(content)
    except MammosegError as error:
        text = str(error)
        return "fine" if text.isprintable() and len(text) < 1000 else f"{len(text)} letters: {text[:200]!r}"
    except BaseException as error:
        return repr(error)[:300]
    return "fine"


def main(folder: Path) -> dict[str, Any]:
    """One content after the other, each to every reader.

    Returns:
        ``wrong``: endings that are not fine, by reader and content; ``seen``: what the watch noted; ``mib``: by how
        much the memory of the process grew at most meanwhile.
    """
    os.chdir(folder)
    table, watch = readers(folder), Watch(folder)
    table["plan"](json.dumps(PLAN).encode())  # loads what is loaded once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch.is_on = True
    wrong = {}
    for name, read in table.items():
        for what, given in HOSTILE.items():
            end = ending(read, given if isinstance(given, bytes) else json.dumps(given).encode())
            if end != "fine":
                wrong[f"{name}: {what}"] = end
    watch.is_on = False
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"wrong": wrong, "seen": watch.seen, "mib": grown / 1024}


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    print(json.dumps(main(Path(sys.argv[1]))))
