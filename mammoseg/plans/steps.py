"""The steps of a plan: each one call of `ingest`, `train` or `evaluate`, with the steps that have to be done before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.weights_file import TRAINED
from mammoseg.plans.plan import PlannedRun, RunPlan, Score


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        key: its folder below that of the plan, which tells it apart.
        command: ``ingest``, ``train`` or ``evaluate``.
        inputs: what stands on the command line without a name.
        options: what stands there by its name.
        settings: what it is, without paths, so that a folder which moved is known again.
        needs: keys of the steps before it.
    """

    key: str
    command: str
    inputs: tuple[str, ...]
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    needs: tuple[str, ...] = field(default=())


def list_steps(plan: RunPlan, output: Path) -> list[Step]:
    """All steps, each after those that it needs.

    Args:
        output: folder of the plan, absolute.
    """
    steps = [step for name, words in plan.datasets.items() for step in _list_ingests(name, words, output)]
    for run in plan.runs:
        steps += _list_trainings(plan, run, output)
        for score in run.scores:
            steps += _list_evaluations(plan, run, score, output)
    return steps


def name_training(run: PlannedRun, seed: int, fold: int | None) -> str:
    """Folder of one training below that of the plan."""
    return f"runs/{run.name}/seed-{seed}" + ("" if fold is None else f"/fold-{fold}")


def name_evaluation(run: PlannedRun, score: Score, seed: int, fold: int | None) -> str:
    """Folder of one evaluation; that of all folds together where there is no fold."""
    return f"{name_training(run, seed, fold)}/scores/{score.name}"


def list_folds(run: PlannedRun) -> tuple[int | None, ...]:
    """The folds that are trained; one None where there is no cross-validation."""
    return run.folds or (None,)


def list_scored_folds(run: PlannedRun, score: Score) -> tuple[int | None, ...]:
    """The folds that have an evaluation of their own; one None where their mean is scored, or there are none."""
    return (None,) if score.mean_of_folds else list_folds(run)


def locate_dataset(plan: RunPlan, name: str, output: Path) -> Path:
    """Folder of a ``datalist.json``."""
    words = plan.datasets[name]
    return Path(words["dataset_dir"]) if "dataset_dir" in words else output / "data" / name


def _list_ingests(name: str, words: Mapping[str, Any], output: Path) -> Iterator[Step]:
    if "dataset_dir" in words:
        return
    options = {("all_in" if key == "all" else key): value for key, value in words.items()}
    inputs = (options.pop("source"), *options.pop("inputs", ()))
    yield Step(f"data/{name}", "ingest", inputs, {**options, "output": str(output / "data" / name)}, dict(words))


def _list_trainings(plan: RunPlan, run: PlannedRun, output: Path) -> Iterator[Step]:
    for seed in run.seeds:
        for fold in list_folds(run):
            key = name_training(run, seed, fold)
            options: dict[str, Any] = {"recipe": run.recipe, "seed": seed, **run.overrides}
            options |= {} if fold is None else {"fold": fold}
            options |= {} if run.chosen_on == "validation" else {"validation_section": run.chosen_on}
            about = {"bundle": run.bundle, "dataset": run.dataset, "start_from": run.start_from, **_name_budget(plan)}
            settings = {**about, **options}
            needs = _list_data_steps(plan, run.dataset)
            if run.start_from is not None:
                needs = (*needs, origin := _find_origin(plan.get_run(run.start_from), seed, fold))
                options["start_from"] = str(output / origin / "models" / TRAINED)
            yield Step(
                key,
                "train",
                (run.bundle,),
                {**options, **_locate_folders(plan, run.dataset, key, output)},
                settings,
                needs,
            )


def _list_evaluations(plan: RunPlan, run: PlannedRun, score: Score, output: Path) -> Iterator[Step]:
    data = score.dataset or run.dataset
    for seed in run.seeds:
        for fold in list_scored_folds(run, score):
            key = name_evaluation(run, score, seed, fold)
            trained = [name_training(run, seed, one) for one in (list_folds(run) if fold is None else (fold,))]
            options: dict[str, Any] = {"validation_section": score.section}
            if fold is not None and data == run.dataset:
                options["fold"] = fold
            settings = {"bundle": run.bundle, "dataset": data, "trained": trained, **_name_budget(plan), **options}
            places = _locate_folders(plan, data, key, output)
            options["output_dir"] = str(output / key)
            options["dataset_dir"] = places["dataset_dir"]
            if len(trained) == 1:
                options["cache_dir"] = places["cache_dir"]
            options["weights"] = [str(output / one / "models" / TRAINED) for one in trained]
            yield Step(key, "evaluate", (run.bundle,), options, settings, (*_list_data_steps(plan, data), *trained))


def _name_budget(plan: RunPlan) -> dict[str, str]:
    return {"budget": plan.budget} if plan.budget else {}


def _find_origin(earlier: PlannedRun, seed: int, fold: int | None) -> str:
    """The training of an earlier run that one starts from: that of its seed and fold, where there is one."""
    same_seed = seed if seed in earlier.seeds else earlier.seeds[0]
    folds = list_folds(earlier)
    return name_training(earlier, same_seed, fold if fold in folds else folds[0])


def _list_data_steps(plan: RunPlan, name: str) -> tuple[str, ...]:
    return () if "dataset_dir" in plan.datasets[name] else (f"data/{name}",)


def _locate_folders(plan: RunPlan, dataset: str, key: str, output: Path) -> dict[str, str]:
    return {
        "dataset_dir": str(locate_dataset(plan, dataset, output)),
        "ckpt_dir": str(output / key / "models"),
        "output_dir": str(output / key / "eval"),
        "cache_dir": str(output / "cache" / dataset),
    }
