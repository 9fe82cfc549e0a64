"""Show the whole job on synthetic mammograms: ingest, train, evaluate, segment DICOM, look at the result.

Usage: python scripts/demo.py [--output demo] (or: make demo)
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

from checkout import ROOT

from mammoseg.command_line import run_script

SMALL = ["--network_def::channels=[8,16,32,64,128]", "--spatial_size=[192,160]"]
"""A UNet of an eighth of the width at a smaller size: enough for phantoms, and trained in minutes without a GPU."""


def demo(output: str = "demo", patients: int = 110, epochs: int = 24) -> None:
    """Run the five steps, each an ordinary command that is printed before it runs; a second call continues the first.

    Args:
        output: folder of everything the demo writes, relative to the repository.
        patients: size of the phantom cohort, two views each.
        epochs: number of epochs of training.
    """
    data, weights, evaluation = f"{output}/data", f"{output}/models/model.pt", f"{output}/evaluation"
    mammoseg = [sys.executable, "-m", "mammoseg.cli"]
    places = [f"--dataset_dir={data}", f"--output_dir={evaluation}"]
    length = [f"--max_epochs={epochs}", "--batch_size=4", "--lr=0.002", f"--ckpt_dir={output}/models"]
    start = time.monotonic()
    if not (ROOT / data / "datalist.json").is_file():
        run(
            "1/5 make and ingest phantoms",
            [*mammoseg, "ingest", "phantom", f"--patients={patients}", f"--output={data}"],
        )
    run("2/5 train", [*mammoseg, "train", "unet", "--recipe=common", *places, *length, *SMALL])
    run("3/5 evaluate on held-out patients", [*mammoseg, "evaluate", "unet", f"--weights={weights}", *places])
    images = [f"{data}/{record}" for record in list_held_out_images(ROOT / data)]
    named = ["--bundle=unet", f"--weights={weights}"]
    run("4/5 segment DICOM", [*mammoseg, "predict", *images, *named, f"--output={output}/predictions"])
    run(
        "5/5 report",
        [*mammoseg, "report", evaluation, f"--dataset_dir={data}", f"--weights={weights}", f"--output={output}/report"],
    )
    print(f"\nDone in {(time.monotonic() - start) / 60:.1f} minutes. Open in a browser:")
    print(f"  {ROOT / output / 'report' / 'index.html'}  scores, truth and prediction of held-out phantoms")
    print(f"  {ROOT / output / 'predictions' / 'index.html'}  DICOM in, DICOM SEG out")


def list_held_out_images(dataset_dir: Path) -> list[str]:
    """Paths of the test images, relative to the datalist."""
    from mammoseg.data.datalist import read_datalist

    return [record["image"] for record in read_datalist(dataset_dir / "datalist.json")["test"]]


def run(step: str, command: list[str]) -> None:
    """Print and run one command in the repository; a failure ends the demo with its exit code."""
    print(f"\n== {step}\n$ {shlex.join(['python', *command[1:]])}", flush=True)
    code = subprocess.run(command, cwd=ROOT).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    run_script(demo)
