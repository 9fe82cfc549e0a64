"""Sites that exchange weights by NVFlare, simulated on one machine, beside one training that sees all images."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from monai.fl.client import MonaiAlgo
from monai.fl.utils.exchange_object import ExchangeObject

from mammoseg.csv_table import read_csv, write_csv
from mammoseg.data.datalist import DATALIST, read_datalist, write_datalist
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.files import check_empty, write_json
from mammoseg.training.federated import build_federated_site

CURVE = ("round", "steps", "dice")
"""Columns of the curve of one training: steps are those of one site so far, Dice that of the weights after them."""

START = "start.npz"
"""Weights that all trainings begin with."""

SCORING = "site-1"
"""The site that scores the weights of the server; all have the same validation images."""


def simulate_federation(
    dataset_dir: Path, output: Path, *, bundle: str = "unet", sites: int = 3, rounds: int = 10, **overrides: Any
) -> list[dict[str, Any]]:
    """Train by sites, and by one that sees all images; both begin with the same weights and take as many steps.

    A site has every `sites`-th patient of the training section, and trains `sites` epochs a round; the one that sees
    all trains one. The server takes the mean of the weights, by steps (FedAvg).

    Args:
        dataset_dir: folder of a datalist.json.
        output: new folder of the datalists, the runs and ``curve.csv``.
        overrides: values of the config, as `mammoseg train` takes them.

    Returns:
        Rows of ``curve.csv``: round, steps of a site and of the central training, and both validation Dice.

    Raises:
        WrongCallError: NVFlare is not installed, the folder is not new, or there are fewer patients than sites.
        MammosegError: a round is missing, as NVFlare has ended early.
    """
    if find_spec("nvflare") is None:
        raise WrongCallError("the simulation needs NVFlare, in an environment of its own: pip install '.[fl]' there.")
    check_empty(output)
    output = output.resolve()
    split_among_sites(dataset_dir / DATALIST, output, sites)
    settings = {"output": str(output), "bundle": bundle, "rounds": rounds, "epochs": sites, "overrides": overrides}
    write_json(output / "settings.json", settings)
    central = build_site(settings | {"epochs": 1}, "central", dataset_dir)
    start = central.get_weights()
    np.savez(output / START, **{name: value.numpy() for name, value in start.weights.items()})
    run_nvflare(output, sites=sites, rounds=rounds)
    write_csv(output / "central.csv", list(run_rounds(central, start, rounds)), columns=CURVE)
    (_, one), (_, other) = (read_csv(output / f"{name}.csv", needed=CURVE) for name in (SCORING, "central"))
    if len(one) <= rounds:
        raise MammosegError(
            f"{len(one)} of {rounds + 1} rounds are in {output / SCORING}.csv; see {output / 'nvflare'}."
        )
    rows = [
        {"round": int(a["round"]), "site_steps": int(a["steps"]), "central_steps": int(b["steps"])}
        | {"federated": float(a["dice"]), "central": float(b["dice"])}
        for a, b in zip(one, other, strict=True)
    ]
    write_csv(output / "curve.csv", rows, columns=tuple(rows[0]))
    return rows


def split_among_sites(datalist: Path, output: Path, sites: int) -> None:
    """Write ``site-N/datalist.json`` for each site: patients of the training section by turns, the rest for all.

    Raises:
        WrongCallError: there are fewer patients than sites.
    """
    content = read_datalist(datalist)
    patients = sorted({record["patient_id"] for record in content["training"]})
    if len(patients) < sites:
        raise WrongCallError(
            f"{datalist} has {len(patients)} training patients; name at most so many sites, not {sites}."
        )
    for number in range(sites):
        own = {*patients[number::sites]}
        folder = output / f"site-{number + 1}"
        folder.mkdir(parents=True)
        moved = {
            section: [_move_record(record, datalist.parent, folder) for record in content[section]]
            for section in ("training", "validation", "test")
        }
        moved["training"] = [record for record in moved["training"] if record["patient_id"] in own]
        facts = {name: content[name] for name in ("name", "source", "seed", "license")}
        write_datalist(folder / DATALIST, **facts, sections=moved)


def build_site(settings: dict[str, Any], name: str, dataset_dir: Path) -> MonaiAlgo:
    """The client of one site, with runs in a folder of its own."""
    own = Path(settings["output"]) / "runs" / name
    folders = {"dataset_dir": dataset_dir, "ckpt_dir": own / "models", "output_dir": own / "eval"}
    options: dict[str, Any] = {key: str(folder) for key, folder in (folders | {"cache_dir": own / "cache"}).items()}
    options |= {"rounds": settings["rounds"], "epochs": settings["epochs"]} | settings["overrides"]
    return build_federated_site(settings["bundle"], "common_recipe", name=name, **options)


def count_steps(algo: MonaiAlgo) -> int:
    """How many steps a client has taken so far."""
    trainer: Any = algo.trainer
    return trainer.state.iteration


def score(algo: MonaiAlgo, weights: ExchangeObject, number: int) -> dict[str, Any]:
    """A row of `CURVE` for weights before round `number`."""
    dice = algo.evaluate(weights).metrics["val_mean_dice"]
    return {"round": number, "steps": count_steps(algo), "dice": round(float(dice), 4)}


def run_rounds(algo: MonaiAlgo, weights: ExchangeObject, rounds: int) -> Iterator[dict[str, Any]]:
    """Rows of a training of one's own in rounds, its weights going round through nobody."""
    for number in range(rounds):
        yield score(algo, weights, number)
        algo.train(weights)
        weights = ExchangeObject(weights={name: value.clone() for name, value in algo.get_weights().weights.items()})
    yield score(algo, weights, rounds)


def run_nvflare(output: Path, *, sites: int, rounds: int) -> None:
    """Run NVFlare's simulator: so many rounds of the mean of all sites' weights, and one in which they only score."""
    from nvflare.app_common.workflows.fedavg import FedAvg
    from nvflare.client.config import ExchangeFormat
    from nvflare.fuel.utils.constants import FrameworkType
    from nvflare.job_config.api import FedJob
    from nvflare.job_config.script_runner import ScriptRunner

    job = FedJob(name="mammoseg", min_clients=sites)
    job.to_server(FedAvg(num_clients=sites, num_rounds=rounds + 1))
    program = str(Path(__file__).with_name("federation_site.py"))
    settings = str(output / "settings.json")
    for number in range(sites):
        kind = {"framework": FrameworkType.NUMPY, "server_expected_format": ExchangeFormat.NUMPY}
        job.to(ScriptRunner(script=program, script_args=settings, **kind), f"site-{number + 1}")
    job.simulator_run(str(output / "nvflare"), threads=sites)


def _move_record(record: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """A record with paths from another folder."""

    def move(text: str) -> str:
        return Path(os.path.relpath(old.resolve() / text, new.resolve())).as_posix()

    files = {name: move(record[name]) for name in ("image", "label")}
    many = {"instances": [move(text) for text in record["instances"]]} if "instances" in record else {}
    return record | files | many
