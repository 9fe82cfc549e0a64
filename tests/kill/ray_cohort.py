"""Take machines from a Ray cluster and kill the driver of a cohort, again and again; then look whether all is whole.

Usage: python -m tests.kill.ray_cohort [--images 200] [--losses 6] [--seed 0]

Needs Ray: pip install 'mammoseg[ray]'. Machines are raylets of this one, each with a core and processes of its own;
bright pixels are mass, no network computes.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mammoseg.command_line import run_script
from tests.cohort.made_cohort import make_mammograms
from tests.cohort.test_run import check_whole
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def lose_machines(images: int = 200, losses: int = 6, seed: int = 0) -> None:
    """Print counts as JSON; a lost or doubled mammogram is an error.

    Args:
        images: number of mammograms.
        losses: how often a machine, and in the next turn the driver, is killed after some more results.
        seed: of the moments.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    from ray.cluster_utils import Cluster

    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in", Path(folder) / "out"
        make_mammograms(source, images)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        machine = cluster.add_node(num_cpus=1)
        done_at: dict[str, list[int]] = {"machine": [], "driver": []}
        driver = None
        for turn in range(losses):
            if driver is None or driver.poll() is not None:
                driver = _start(source, output, cluster.address)
            wanted = _done(output) + chance.randint(1, max(2, images // (2 * losses)))
            wait_until(lambda d=driver, w=wanted: d.poll() is not None or _done(output) >= w, "some more results")
            time.sleep(chance.random())
            if driver.poll() is not None:
                break
            if turn % 2 == 0:
                cluster.remove_node(machine, allow_graceful=False)
                machine = cluster.add_node(num_cpus=1)
            else:
                driver.kill()
                driver.wait()
            done_at["driver" if turn % 2 else "machine"].append(_done(output))
        if driver is not None and driver.poll() is None and driver.wait() not in (0, 1):
            sys.exit(f"the driver ended with {driver.returncode}.")
        last = _start(source, output, cluster.address).wait()  # what was lost for good is done by the next run
        cluster.shutdown()
        check_whole(source, output)
    print(json.dumps({"images": images, "done_when_killed": done_at, "last_exit_code": last}))


def _start(source: Path, output: Path, address: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.cohort.made_cohort", str(source), str(output), address]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _done(output: Path) -> int:
    return len(list(output.glob("results/*/*.seg.dcm")))


if __name__ == "__main__":
    run_script(lose_machines)
