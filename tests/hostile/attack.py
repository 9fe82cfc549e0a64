"""Feed bad checkpoints to everything that reads one, under a hook that sees every process, socket and write.

Usage: python -m tests.hostile.attack FOLDER; prints JSON as its last line, see `main`.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.deploy.export import export
from mammoseg.errors import MammosegError
from mammoseg.evaluation.run_report import compute_threshold_baseline
from mammoseg.inference.predictor import Predictor
from mammoseg.training.workflow import evaluate, train
from monailabel_app.lib.models import train_job
from monailabel_app.lib.models.discover import ModelEntry
from monailabel_app.lib.models.job_files import TrainJob
from monailabel_app.lib.models.serving import ServedModel
from monailabel_app.lib.models.versions import Versions
from tests.hostile.bad_checkpoints import BAD, saved, sound_content
from tests.hostile.bad_safetensors import sound_file
from tests.hostile.watch import Watch
from tests.tiny_run import tiny_overrides, write_tiny_dataset

HOSTILE = (
    "network: a path through the attributes of modules",
    "network: a function of the package",
    "network: MONAI's mode",
    "network: MONAI's separator",
    "network: an expression in a list",
    "network: a call for a list",
    "network: weights from the network",
    "preprocessing: a target",
    "preprocessing: a target behind a separator",
    "preprocessing: a target in a value",
    "preprocessing: an expression",
    "pickle: os.system",
)
"""Files that would run something; every reader gets them."""


def readers(folder: Path) -> dict[str, Callable[[Path], Any]]:
    """All that reads a checkpoint, by what a person would call it; each takes the file and writes below `folder`."""
    data = write_tiny_dataset(folder / "data")
    tiny = tiny_overrides(data, folder / "run", max_epochs=1)
    recorded = {key: value for key, value in tiny.items() if key not in ("spatial_size", "network_def::channels")}

    def start_from(path: Path) -> None:
        shutil.rmtree(folder / "run", ignore_errors=True)  # a run goes on from the weights that it started with
        train("unet", start_from=str(path), **recorded)

    def resume(path: Path) -> None:
        (folder / "run" / "models").mkdir(parents=True, exist_ok=True)
        path.replace(folder / "run" / "models" / "checkpoint.pt")
        train("unet", **tiny)

    def infer(path: Path) -> None:
        options = {"dataset_dir": str(data / "images"), "best_checkpoint": str(path), "output_dir": str(folder / "out")}
        options |= {"network_def::channels": [2, 4], "spatial_size": [16, 16]}
        config = Path(locate_bundle("unet")) / "configs" / "inference.json"
        flow = ConfigWorkflow(str(config), workflow_type="infer", logging_file=False, run_id="inferring", **options)
        flow.initialize()
        flow.run()

    def train_labels(path: Path) -> None:
        shutil.rmtree(folder / "job", ignore_errors=True)
        overrides = {key: value for key, value in recorded.items() if not key.endswith("_dir")}
        job = TrainJob("unet", folder / "job", data, str(path), device="cpu", overrides=overrides)
        job.folder.mkdir(exist_ok=True)
        train_job.main(job.write())
        if error := job.read_result().get("error"):
            raise MammosegError(error)

    def serve(path: Path) -> None:
        entry = ModelEntry("unet", path, "UNet", "0.1.0")
        ServedModel(entry, Versions(folder / "versions", path), device="cpu").load_predictor()

    return {
        "read": read_weights,
        "predict": lambda path: Predictor("unet", weights=path, device="cpu"),
        "evaluate": lambda path: evaluate(
            "unet", dataset_dir=str(data), weights=str(path), output_dir=tempfile.mkdtemp(dir=folder), device="cpu"
        ),
        "train --start_from": start_from,
        "train labels": train_labels,
        "export": lambda path: export("unet", weights=path, output=Path(tempfile.mkdtemp(dir=folder))),
        "report": lambda path: compute_threshold_baseline(data, path),
        "label server": serve,
        "resume": resume,
        "infer": infer,
    }


def ending(read: Callable[[Path], Any], path: Path) -> str:
    """``"read"``; ``"refused"`` where that is one printable sentence for a person; or what is wrong with the end."""
    try:
        read(path)
    except BaseException as error:
        found: BaseException | None = error
        while isinstance(found, RuntimeError) and found.__cause__ is not None:  # MONAI's own command wraps
            found = found.__cause__
        return "refused" if isinstance(found, MammosegError) and str(found).isprintable() else repr(error)
    return "read"


def main(folder: Path) -> dict[str, Any]:
    """Sound files first, which loads all that is loaded once; then the watch begins.

    Returns:
        ``sound``, ``shipped`` and ``hostile``: endings by reader; ``bad``: of `predict`, by file; ``seen``: what the
        watch noted; ``mib``: by how much the memory of the process grew at most meanwhile.
    """
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    table, watch, path = readers(folder), Watch(folder), folder / "model.pt"
    contents = {name: make() for name, make in BAD.items()}

    def ends(name: str, content: bytes) -> str:
        path.write_bytes(content)
        return ending(table[name], path)

    sound = {name: ends(name, saved(sound_content())) for name in table}
    shipped = {name: ends(name, sound_file(sound_content())) for name in table}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch.is_on = True
    hostile = {name: {file: ends(name, contents[file]) for file in HOSTILE} for name in table}
    bad = {file: ends("predict", content) for file, content in contents.items()}
    watch.is_on = False
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"sound": sound, "shipped": shipped, "hostile": hostile, "bad": bad, "seen": watch.seen, "mib": grown / 1024}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    print(json.dumps(main(Path(sys.argv[1]))))
