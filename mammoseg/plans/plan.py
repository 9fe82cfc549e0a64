"""A plan: which trainings, with which seeds and folds, on which data, scored where; read from a stranger's file.

``plan.schema.json`` is the exact rule. Nothing that a plan says becomes a part of a config that MONAI would evaluate:
overrides are those of its list, numbers, switches or one of a few words, and paths are made absolute.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from mammoseg.bundles import ENCODER_WORDS, list_bundle_names
from mammoseg.errors import WrongCallError, say_reason
from mammoseg.files import as_printable, read_json

OUT_OF_FOLD = "out_of_fold"
"""Score of a cross-validation: each fold by the network that did not learn from it."""

OF_THE_WEIGHTS = ("network_def::", "preprocessing::", "spatial_size", "in_channels", "encoder_weights")
"""Overrides that a run which starts from weights takes from them."""


@dataclass(frozen=True)
class Score:
    """What a trained network is scored on.

    Attributes:
        name: unique in its run.
        section: section of the datalist.
        dataset: name in the plan; None is the run's own.
        mean_of_folds: whether the networks of all folds are scored as one, by the mean of their probabilities.
    """

    name: str
    section: str
    dataset: str | None = None
    mean_of_folds: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """One line of a plan: trainings that differ in seed and fold only.

    Attributes:
        recipe: ``paper`` or ``common``.
        folds: folds of the cross-validation; empty for the sections of the datalist.
        chosen_on: section that chooses the weights.
        start_from: an earlier run, whose weights of the same seed (else its first) it starts with.
        notes: what a budget changed, in words.
    """

    name: str
    bundle: str
    dataset: str
    recipe: str = "paper"
    seeds: tuple[int, ...] = (0,)
    folds: tuple[int, ...] = ()
    chosen_on: str = "validation"
    start_from: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cuts_patches(self) -> bool:
        """Whether its images are patches, one around each mass."""
        return self.overrides.get("preprocessing::patch_area") is not None

    def list_changes(self) -> list[str]:
        """What differs from the recipe, a few words each."""
        return [f"{name} {format_value(value)}" for name, value in self.overrides.items()]


@dataclass(frozen=True)
class RunPlan:
    """A name, data by name, runs in their order, and the budget that they were cut down to (None: as they are)."""

    name: str
    datasets: Mapping[str, Mapping[str, Any]]
    runs: tuple[PlannedRun, ...]
    budget: str | None = None

    def get_run(self, name: str) -> PlannedRun:
        """The run of that name."""
        return next(run for run in self.runs if run.name == name)


def format_value(value: Any) -> str:
    """A value of an override as a person writes it."""
    if isinstance(value, list | tuple):
        return " x ".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def read_plan(path: Path | str) -> RunPlan:
    """Read a plan and check it; paths in it are relative to its folder.

    Raises:
        WrongCallError: it is no JSON, breaks the schema, or names what is not there.
    """
    path = Path(path)
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise WrongCallError(f"there is no file '{path}'; docs/reproduce.md shows a plan.") from error
    except (OSError, ValueError) as error:
        raise WrongCallError(
            f"{path} is no plan ({as_printable(say_reason(error))}); docs/reproduce.md shows one."
        ) from error
    return make_plan(content, where=str(path), folder=path.resolve().parent)


def make_plan(content: Any, *, where: str, folder: Path) -> RunPlan:
    """A plan out of what its file holds.

    Args:
        where: what errors name.
        folder: paths are relative to it.
    Raises:
        WrongCallError: it breaks the schema, or names what is not there.
    """
    error = jsonschema.exceptions.best_match(_build_validator().iter_errors(content))
    if error is not None:
        place = ".".join(map(str, error.absolute_path)) or "top level"
        raise WrongCallError(
            f"{where}: {place}: {as_printable(error.message[:300])}; docs/reproduce.md has what there is."
        )
    datasets = {name: _make_absolute(words, folder) for name, words in content["datasets"].items()}
    runs = tuple(_make_run(words, folder) for words in content["runs"])
    plan = RunPlan(content["name"], datasets, runs, content.get("budget"))
    _check_names(plan, where)
    return plan


def _make_absolute(words: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Paths that begin with a slash: none is an expression to MONAI."""
    absolute = dict(words)
    for name in {"dataset_dir", "test_patients"} & set(words):
        absolute[name] = str((folder / words[name]).resolve())
    if "inputs" in words:
        absolute["inputs"] = [str((folder / path).resolve()) for path in words["inputs"]]
    return absolute


def _make_run(words: Mapping[str, Any], folder: Path) -> PlannedRun:
    weights = words.get("overrides", {}).get("encoder_weights")
    if weights not in (None, *ENCODER_WORDS):  # a file
        absolute = str((folder / weights).resolve())
        words = {**words, "overrides": {**words["overrides"], "encoder_weights": absolute}}
    lists = {name: tuple(words[name]) for name in ("seeds", "folds") if name in words}
    run = PlannedRun(**{**words, **lists, "scores": tuple(Score(**score) for score in words.get("scores", ()))})
    if "scores" in words:
        return run
    return replace(run, scores=(Score(OUT_OF_FOLD, "validation") if run.folds else Score("test", "test"),))


def _check_names(plan: RunPlan, where: str) -> None:
    earlier: dict[str, PlannedRun] = {}
    for run in plan.runs:
        place = f"{where}: run '{run.name}'"
        if run.name in earlier:
            raise WrongCallError(f"{place} stands there twice; every run has a name of its own.")
        if run.bundle not in list_bundle_names():
            raise WrongCallError(f"{place}: unknown bundle '{run.bundle}'; known: {', '.join(list_bundle_names())}.")
        for name in (run.dataset, *(score.dataset for score in run.scores if score.dataset)):
            if name not in plan.datasets:
                raise WrongCallError(f"{place}: unknown dataset '{name}'; the plan has: {', '.join(plan.datasets)}.")
        names = [score.name for score in run.scores]
        if len(set(names)) < len(names):
            raise WrongCallError(f"{place} has two scores of one name; give each its own.")
        if any(score.mean_of_folds for score in run.scores) and not run.folds:
            raise WrongCallError(f"{place} has no folds to take the mean of; list them, or leave mean_of_folds out.")
        _check_start(run, earlier, place)
        earlier[run.name] = run


def _check_start(run: PlannedRun, earlier: Mapping[str, PlannedRun], place: str) -> None:
    if run.start_from is None:
        return
    if run.start_from not in earlier:
        raise WrongCallError(f"{place} starts from '{run.start_from}', which is no run before it.")
    if (other := earlier[run.start_from].bundle) != run.bundle:
        raise WrongCallError(f"{place} is of bundle '{run.bundle}' and starts from weights of '{other}'; take one.")
    if taken := [name for name in run.overrides if name.startswith(OF_THE_WEIGHTS)]:
        raise WrongCallError(f"{place} takes {taken[0]} from the weights it starts from; leave it out there.")


@cache
def _build_validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(Path(__file__).with_suffix(".schema.json").read_text("utf-8")))
