"""What NVFlare runs at each site: score the weights of the server, train on them, give them back, round by round."""

import sys
from pathlib import Path

import numpy as np
import torch
from monai.fl.utils.exchange_object import ExchangeObject

from mammoseg.csv_table import write_csv
from mammoseg.files import read_json
from mammoseg.training.federation import CURVE, SCORING, START, build_site, count_steps, score


def main(file: Path) -> None:
    """Answer the server until it has enough.

    Args:
        file: what `mammoseg.training.federation.simulate_federation` wrote.
    """
    import nvflare.client as flare  # an extra, which few need

    settings = read_json(file)
    output = Path(settings["output"])
    flare.init()
    name = flare.get_site_name()
    algo = build_site(settings, name, output / name)
    rows = []
    while flare.is_running():
        given = flare.receive()
        params = given.params or np.load(output / START)  # the server has none yet
        weights = ExchangeObject(weights={key: torch.as_tensor(value) for key, value in params.items()})
        if name == SCORING:
            rows.append(score(algo, weights, given.current_round))
            write_csv(output / f"{name}.csv", rows, columns=CURVE)
        before = count_steps(algo)
        if given.current_round < settings["rounds"]:
            algo.train(weights)
            weights = algo.get_weights()
        steps = count_steps(algo) - before
        params = {key: torch.as_tensor(value).numpy() for key, value in (weights.weights or {}).items()}
        flare.send(flare.FLModel(params=params, meta={"NUM_STEPS_CURRENT_ROUND": max(1, steps)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
