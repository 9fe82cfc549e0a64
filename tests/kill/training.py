"""Kill processes of a training by several, and compare what it ends with: python -m tests.kill.training FOLDER.

Each of three seeds trains a small U-Net on the same pictures, discs in breasts, by one process, and by two and
by four of which one is killed in the middle. Each line names the best validation Dice, the epoch after which was
killed, and the seconds. What is done already in the folder is not done again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import torch

from mammoseg.bundles import locate_bundle
from tests.tiny_run import tiny_overrides, write_tiny_dataset
from tests.waiting import is_running, wait_until

ROOT = Path(__file__).resolve().parents[2]

NEW_STORE = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""Else torchrun keeps its store over a restart, and processes look for the dead ones at the addresses that it holds."""

PICTURES = {"training": 16, "validation": 5, "test": 1}
"""Five that validate are shared by two and by four unevenly."""


class Training:
    """A training of a bundle by several processes, by MONAI's command under torchrun."""

    def __init__(self, processes: int, overrides: Mapping[str, Any], *overlays: str, bundle: str = "unet") -> None:
        configs = Path(locate_bundle(bundle)) / "configs"
        files = [str(configs / f"{name}.json") for name in ("train", *overlays, "multi_gpu_train")]
        words = [word for key, value in overrides.items() for word in (f"--{key}", _word(value))]
        launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "--max-restarts=3")
        command = ("-m", "monai.bundle", "run", "training", "--config_file", json.dumps(files), *words)
        self.command = [sys.executable, *launcher, *command]
        self.processes = processes

    def start(self) -> "Training":
        environment = os.environ | NEW_STORE | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.log = tempfile.TemporaryFile("w+")
        self.running = subprocess.Popen(self.command, cwd=ROOT, env=environment, stdout=self.log, stderr=self.log)
        return self

    def wait(self) -> str:
        """What it said; it has to end well."""
        code = self.running.wait()
        self.log.seek(0)
        said = self.log.read()
        self.log.close()
        assert code == 0, said[-5000:]
        return said

    def workers(self) -> list[int]:
        pid = self.running.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def kill_in_the_middle(training: Training, checkpoint: Path, *, seed: int, after: int = 1) -> int:
    """Kill one of the processes when epoch `after`, or one behind it, has been kept; which it was."""

    def is_kept() -> bool:
        return checkpoint.is_file() and _saved(checkpoint)["epoch"] >= after

    wait_until(is_kept, f"the checkpoint of epoch {after}", process=training.running)
    victim = random.Random(seed).choice(training.workers())
    epoch = _saved(checkpoint)["epoch"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not is_running(victim), "the process is dead")
    return epoch


def _saved(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, weights_only=True)


def _measure(folder: Path, *, epochs: int) -> None:
    dataset = folder / "data"
    if not (dataset / "datalist.json").is_file():
        write_tiny_dataset(dataset, PICTURES)
    for seed, (processes, is_killed) in product(range(3), ((1, False), (2, True), (4, True))):
        run = folder / f"{seed}-{processes}"
        checkpoint = run / "models" / "checkpoint.pt"
        if checkpoint.is_file() and _saved(checkpoint)["epoch"] == epochs:
            continue
        overrides = tiny_overrides(dataset, run, batch_size=4, max_epochs=epochs, seed=seed)
        begin = time.perf_counter()
        training = Training(processes, overrides | {"lr_scheduler::rates": [0.01] * 4}).start()
        epoch = kill_in_the_middle(training, checkpoint, seed=seed, after=epochs // 3) if is_killed else None
        said = training.wait()
        saved = _saved(checkpoint)
        line = {
            "seed": seed,
            "processes": processes,
            "killed_after_epoch": epoch,
            "went_on": "Continuing after epoch" in said,
            "every_epoch_once": [row["epoch"] for row in saved["training_log"]["rows"]] == [*range(1, epochs + 1)],
            "best_dice": round(saved["best_metric"], 4),
            "seconds": round(time.perf_counter() - begin),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), epochs=60)
