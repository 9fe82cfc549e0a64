"""Measure what the documentation promises; each command prints JSON, a line a result, and its options after --help."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start their threads
from collections.abc import Callable, Iterator
from functools import wraps
from json import dumps
from typing import Any

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.benchmark.evaluate_speed import benchmark_evaluate, benchmark_report
from mammoseg.benchmark.label_server_speed import benchmark_label_server
from mammoseg.benchmark.networks_speed import benchmark_networks
from mammoseg.benchmark.precision_dice import benchmark_precision
from mammoseg.benchmark.predict_speed import benchmark_predict
from mammoseg.benchmark.preprocess_speed import benchmark_preprocess
from mammoseg.benchmark.prompt_models import benchmark_prompts
from mammoseg.benchmark.prompt_speed import benchmark_label_prompts
from mammoseg.benchmark.train_speed import benchmark_train
from mammoseg.command_line import run_script

COMMANDS = {
    "evaluate": benchmark_evaluate,
    "label_prompts": benchmark_label_prompts,
    "label_server": benchmark_label_server,
    "networks": benchmark_networks,
    "precision": benchmark_precision,
    "predict": benchmark_predict,
    "preprocess": benchmark_preprocess,
    "prompts": benchmark_prompts,
    "report": benchmark_report,
    "train": benchmark_train,
}


def build_command(measure: Callable[..., Any]) -> Callable[..., None]:
    """The command that prints what a function measures: its values, or one after the other as they come."""

    @wraps(measure)
    def command(*arguments: Any, **options: Any) -> None:
        results = measure(*arguments, **options)
        for result in results if isinstance(results, Iterator) else [results]:
            print(dumps(result), flush=True)

    return command


if __name__ == "__main__":
    run_script({name: build_command(measure) for name, measure in COMMANDS.items()})
