"""Kill `mammoseg predict` at random moments, let it finish, and compare with a run that nobody disturbed.

Usage: python -m tests.kill.predict [--weights FILE] [--kills 100] [--images 400] [--seed 0]

Without weights the network is left out (bright pixels are mass), so that a run starts in seconds; all else is the same.
"""

import csv
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydicom
from tqdm import tqdm

from mammoseg.command_line import run_script
from mammoseg.data.ingest import ingest
from mammoseg.data.records import FOLDER
from mammoseg.dicom.write import hash_content
from mammoseg.files import hash_file

MAMMOSEG = [sys.executable, "-m", "mammoseg.cli"]

MOST_OUTPUTS = 20
"""More runs than this that end before they are killed need more images."""


def kill_test(weights: str | None = None, kills: int = 100, images: int = 400, seed: int = 0, size: int = 256) -> None:
    """Print counts as JSON; exit code 1 if anything differs.

    Args:
        weights: checkpoint of bundle `unet`.
        kills: SIGKILLs to the main process: a third of them while it starts, the others within 0.3 s after it has
            finished up to three files more.
        images: phantoms of `size` rows, two a patient. A run that ends before it is killed is compared like the last
            one, and the kills that are left go to a run into a new folder.
    """
    random_moment = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ingest("phantom", output=root / "phantoms", patients=(images + 1) // 2, size=size, seed=seed)
        source = str(root / "phantoms" / "images")
        command = [sys.executable, "-m", "tests.bright_predict", source]
        if weights:
            command = [
                *MAMMOSEG,
                "predict",
                source,
                "--bundle",
                "unet",
                "--weights",
                weights,
                "--workers",
                "2",
                "--output",
            ]
        start = _seconds_to_first_result([*command, str(root / "first")], root / "first")
        broken, seen = 0, 0.0
        outputs = [root / "killed-0"]
        done_at_kill: list[int] = []
        progress = tqdm(total=kills, unit="kill", disable=None)
        while len(done_at_kill) < kills:
            output = outputs[-1]
            run = subprocess.Popen([*command, str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if len(done_at_kill) % 3 == 0:
                time.sleep(random_moment.uniform(0, start))
            else:
                wanted = _done(output) + random_moment.randint(0, 3)
                while _done(output) < wanted and run.poll() is None:
                    time.sleep(0.02)
                time.sleep(random_moment.uniform(0, 0.3))
            run.send_signal(signal.SIGKILL)
            if run.wait() >= 0:
                if run.returncode != 0 or len(outputs) > MOST_OUTPUTS:
                    sys.exit(f"a run ended with {run.returncode}, {len(done_at_kill)} of {kills} were killed.")
                outputs.append(root / f"killed-{len(outputs)}")
                continue
            done_at_kill.append(_done(output))
            new = [path for path in output.glob("[!.]*.dcm") if path.stat().st_mtime >= seen]
            broken += sum(not _is_whole(path) for path in new)
            seen = time.time() - 1
            progress.update()
        last = [*command, str(outputs[-1])]
        subprocess.run(last, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        undisturbed = [*command, str(root / "undisturbed")]
        subprocess.run(undisturbed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        expected = _contents(root / "undisturbed")
        different = sorted({name for output in outputs for name in _different(expected, _contents(output))})
    result = {
        "kills": kills,
        "images": images,
        "files": len(expected),
        "seconds_to_first_result": round(start, 1),
        "files_done_at_kills": [done_at_kill[0], done_at_kill[len(done_at_kill) // 2], done_at_kill[-1]],
        "broken_files_seen": broken,
        "different_at_the_end": different,
    }
    print(json.dumps(result))
    sys.exit(bool(broken or different))


def _seconds_to_first_result(command: list[str], output: Path) -> float:
    begin = time.monotonic()
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not _done(output):
        if run.poll() is not None:
            sys.exit(f"the run failed with exit code {run.returncode} before its first result.")
        time.sleep(0.1)
    run.kill()
    run.wait()
    return time.monotonic() - begin


def _done(output: Path) -> int:
    return len(list((output / FOLDER).glob("*.json")))


def _is_whole(path: Path) -> bool:
    try:
        hash_content(pydicom.dcmread(path))
    except Exception:  # pydicom raises whatever the damage leads it to
        return False
    return True


def _different(expected: dict[str, object], found: dict[str, object]) -> set[str]:
    return {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}


def _contents(output: Path) -> dict[str, object]:
    """What each file says, times apart."""
    contents: dict[str, object] = {}
    for path in sorted(path for path in output.rglob("*") if path.is_file() and FOLDER not in path.parts):
        if path.suffix == ".dcm":
            contents[path.name] = hash_content(pydicom.dcmread(path))
        elif path.suffix == ".csv":
            with path.open(newline="") as file:
                contents[path.name] = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        elif path.suffix != ".html":  # names the time of its run
            contents[path.name] = hash_file(path)
    return contents


if __name__ == "__main__":
    run_script(kill_test)
