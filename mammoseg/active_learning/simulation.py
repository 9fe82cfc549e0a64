"""Annotation replayed on a labelled set: label what a strategy picks, train on, measure, and again.

All strategies of a seed start from the same labels and the same network; each round goes on training from the weights
of the round before (warm start) for a fixed number of steps. The test set is the same for all.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose, RandAdjustContrastd, RandAffined, RandFlipd
from torch import Tensor, nn
from tqdm import tqdm

from mammoseg.active_learning.scores import Scorer
from mammoseg.active_learning.selection import pick_order
from mammoseg.active_learning.short_training import train_briefly
from mammoseg.active_learning.strategies import WITHOUT_NETWORK, check_strategy, list_wanted_scores, rate
from mammoseg.checkpoints.torch_file import read_torch_file
from mammoseg.counts import format_count
from mammoseg.errors import WrongCallError
from mammoseg.files import atomic_path, write_json
from mammoseg.metrics.overlap import compute_dice
from mammoseg.networks import UNet
from mammoseg.transforms.mass_probability import compute_mass_probability
from mammoseg.transforms.pipelines import build_film_preprocessing

Item = dict[str, Any]
"""A record of a datalist with ``image`` and ``label`` as tensors ``(1, H, W)``."""


@dataclass(frozen=True)
class SimulationPlan:
    """What is replayed; JSON values.

    Attributes:
        strategies: names of what chooses.
        seeds: number of repetitions, each with other first labels and another network.
        start: labels before the first pick.
        query: labels that are added each round.
        rounds: number of rounds of picking and training.
        first_steps: gradient steps on the first labels.
        steps: gradient steps each round.
        spatial_size: rows and columns of the network's grid.
        channels: widths of the U-Net.
        grouped: whether the views of one patient are kept apart.
        tool_steps: gradient steps of the annotator's tool each round (`EffortReplay`); 0 where labels cost nothing.
    """

    strategies: tuple[str, ...]
    seeds: int = 3
    start: int = 8
    query: int = 8
    rounds: int = 4
    first_steps: int = 160
    steps: int = 60
    batch_size: int = 4
    lr: float = 0.005
    spatial_size: tuple[int, int] = (80, 64)
    channels: tuple[int, ...] = (8, 16, 32, 64)
    grouped: bool = True
    tool_steps: int = 0

    def check(self, pool: int) -> None:
        """Raise where the plan cannot be carried out on `pool` images.

        Raises:
            WrongCallError: naming the value.
        """
        for strategy in self.strategies:
            check_strategy(strategy)
        numbers = asdict(self)
        for name in ("seeds", "start", "query", "rounds", "first_steps", "steps", "batch_size"):
            if numbers[name] < 1:
                raise WrongCallError(f"{name} is {numbers[name]}; it must be at least 1.")
        if self.tool_steps < 0:
            raise WrongCallError(f"tool_steps is {self.tool_steps}; it must be at least 0.")
        if (last := self.start + self.rounds * self.query) > pool:
            raise WrongCallError(
                f"{format_count(last, 'label')} asked for, the pool has "
                f"{format_count(pool, 'image')}; take fewer rounds."
            )


def build_random_changes() -> Compose:
    """Random changes of an image ``(1, H, W)`` and its label, those of the published replay."""
    both = ("image", "label")
    return Compose(
        [
            RandFlipd(both, prob=0.5, spatial_axis=0),
            RandAffined(
                both,
                prob=0.8,
                rotate_range=0.26,
                shear_range=0.1,
                translate_range=12,
                scale_range=0.15,
                mode=["bilinear", "nearest"],
                padding_mode="zeros",
            ),
            RandAdjustContrastd("image", prob=0.5, gamma=(0.6, 1.6)),
        ]
    )


def simulate(
    plan: SimulationPlan,
    pool: Sequence[Mapping[str, Any]],
    test: Sequence[Mapping[str, Any]],
    output: Path,
    *,
    replayed: "type[Replay] | None" = None,
) -> Path:
    """Carry out a plan, or go on with it.

    Args:
        pool: records (`load_section`) that can be labelled.
        test: records that the Dice is measured on; those without a mass do not count.
        output: folder of ``steps.jsonl``, one line a step as it is done, and of the networks.
        replayed: what carries it out, when not `Replay` itself.
    Returns:
        The path of ``steps.jsonl``: seed, strategy, number of labels, mean Dice, ids of the labels.
    Raises:
        WrongCallError: the plan cannot be carried out, or the folder holds the steps of another one.
    """
    plan.check(len(pool))
    _require_same_plan(plan, pool, test, output)
    prepared = _prepare_items(plan, pool, "pool"), _prepare_items(plan, test, "test")
    replay = (replayed or Replay)(plan, *prepared, output)
    total = plan.seeds * (1 + len(plan.strategies) * plan.rounds)
    for _ in tqdm(replay.run_steps(), total=total, desc="active learning", unit="step", disable=None):
        pass
    return replay.results


class Replay:
    """One plan on preprocessed images; every step is kept, so that it can be interrupted."""

    def __init__(self, plan: SimulationPlan, pool: Sequence[Item], test: Sequence[Item], output: Path) -> None:
        self.plan = plan
        self.pool = {item["image_id"]: item for item in pool}
        self.test = test
        self.output = output
        self.results = output / "steps.jsonl"
        self.groups = {name: item["patient_id"] for name, item in self.pool.items()}
        self.augment = build_random_changes()

    def run_steps(self) -> Iterator[dict[str, Any]]:
        """Each step as it is done, or was done before."""
        for seed in range(self.plan.seeds):
            start = self._run_step("start", seed, 0, self.choose_first_labels(seed), None)
            yield start
            for strategy in self.plan.strategies:
                before = start
                for turn in range(1, self.plan.rounds + 1):
                    before = self._run_step(strategy, seed, turn, None, before)
                    yield before

    def choose_first_labels(self, seed: int) -> list[str]:
        """Random images, of different patients as far as there are enough; at least one has a mass."""
        rng = np.random.default_rng([seed, 0])
        order = pick_order(dict(zip(self.pool, rng.random(len(self.pool)), strict=True)), groups=self.groups)
        masses = [name for name in order if self.pool[name]["label"].any()]
        return list(dict.fromkeys([*masses[:1], *order]))[: self.plan.start]

    def pick(self, strategy: str, network: nn.Module, labelled: Sequence[str], rng: np.random.Generator) -> list[str]:
        """The next images, one after the other, each counted as labelled for the next."""
        scores = {}
        if strategy not in WITHOUT_NETWORK:
            scorer, wanted = Scorer(network), list_wanted_scores(strategy)
            scores = {name: scorer(item["image"], wanted) for name, item in self.pool.items()}
        picked: list[str] = []
        for _ in range(self.plan.query):
            done = [*labelled, *picked]
            rated = rate(strategy, [n for n in self.pool if n not in done], scores=scores, labelled=done, rng=rng)
            taken = Counter(self.groups[name] for name in done)
            picked.append(pick_order(rated, groups=self.groups if self.plan.grouped else None, taken=taken)[0])
        return picked

    def _run_step(
        self, strategy: str, seed: int, turn: int, labelled: list[str] | None, before: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Pick, train and measure; or read what an earlier run did."""
        kept = self.output / "networks" / f"{seed}-{strategy}-{turn}.pt"
        if kept.is_file():
            step = read_torch_file(kept)
            self._note(step["row"])
            return step
        torch.manual_seed(seed)
        network = UNet(1, 1, channels=self.plan.channels)
        known: list[str] = []
        if before is not None:
            network.load_state_dict(before["model"])
            known = before["row"]["images"]
            labelled = self.pick(strategy, network.eval(), known, np.random.default_rng([seed, turn]))
        assert labelled is not None
        cost = self._annotate(strategy, (seed, turn), labelled, before)
        images = [*known, *labelled]
        items = {name: self._prepare_item(strategy, seed, name) for name in images}
        self._train(network, items, self.plan.steps if turn else self.plan.first_steps, (seed, turn))
        dice = round(self._compute_mean_dice(network), 6)
        row = {"seed": seed, "strategy": strategy, "labels": len(images), "dice": dice, **cost, "images": images}
        step = {"row": row, "model": network.state_dict(), **self._train_others(strategy, (seed, turn), images, before)}
        with atomic_path(kept) as temporary:
            torch.save(step, temporary)
        self._note(row)
        return step

    def _note(self, row: dict[str, Any]) -> None:
        """Have the row of a step that is kept among the results once, whatever a kill or a full disk has left there."""
        lines = self.results.read_text(encoding="utf-8").splitlines() if self.results.is_file() else []
        noted = {_name_step(other): other for line in lines if (other := _read_row(line))}
        if noted.setdefault(_name_step(row), row) is row or len(noted) < len(lines):
            with atomic_path(self.results) as temporary:
                temporary.write_text("".join(f"{json.dumps(each)}\n" for each in noted.values()), encoding="utf-8")

    def _annotate(self, strategy: str, draw: tuple[int, int], new: Sequence[str], before: Any) -> dict[str, Any]:
        """Label images, and what that cost as parts of the row; the truth costs nothing.

        Args:
            draw: seed and turn.
            before: the step before, None at the start.
        """
        return {}

    def _prepare_item(self, strategy: str, seed: int, name: str) -> Item:
        """A labelled image as the network learns from it."""
        return self.pool[name]

    def _train_others(self, strategy: str, draw: tuple[int, int], names: Sequence[str], before: Any) -> dict[str, Any]:
        """What else learned from the labels, as parts of the step; nothing."""
        return {}

    def _train(self, network: nn.Module, items: Mapping[str, Item], steps: int, draw: tuple[int, int]) -> None:
        rng = np.random.default_rng([*draw, 1])
        self.augment.set_random_state(seed=int(rng.integers(2**31)))
        order: list[str] = []

        def draw_batch(_: int) -> tuple[Tensor, Tensor]:
            while len(order) < self.plan.batch_size:
                order.extend(rng.permutation(np.array(list(items))).tolist())
            chosen = [order.pop(0) for _ in range(self.plan.batch_size)]
            changed = [self.augment({key: items[name][key] for key in ("image", "label")}) for name in chosen]
            image, label = (torch.stack([_as_plain(item[key]) for item in changed]) for key in ("image", "label"))
            return image, label

        train_briefly(network, draw_batch, steps=steps, lr=self.plan.lr)

    @torch.no_grad()
    def _compute_mean_dice(self, network: nn.Module) -> float:
        """Mean Dice over the test images with a mass, on the network's grid."""
        masks = [compute_mass_probability(network(item["image"][None])[0])[0].numpy() > 0.5 for item in self.test]
        return float(
            np.nanmean([compute_dice(m, t["label"][0].numpy() > 0) for m, t in zip(masks, self.test, strict=True)])
        )


def prepare_item(plan: SimulationPlan, record: Mapping[str, Any]) -> Item:
    """A record on the network's grid, with its files as ``image_path`` and ``label_path``."""
    files = {key: record[key] for key in ("image", "label")}
    item = build_film_preprocessing(spatial_size=plan.spatial_size, channels=1)(files)
    paths = {f"{key}_path": path for key, path in files.items()}
    return {**record, **paths, **{key: _as_plain(item[key]) for key in files}}


def _name_step(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells the step of a row apart."""
    return row["seed"], row["strategy"], row["labels"]


def _read_row(line: str) -> dict[str, Any] | None:
    """The row of a line; None of one that was cut off."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _as_plain(tensor: Tensor) -> Tensor:
    return torch.as_tensor(tensor).as_subclass(Tensor)


def _prepare_items(plan: SimulationPlan, records: Sequence[Mapping[str, Any]], name: str) -> list[Item]:
    return [prepare_item(plan, record) for record in tqdm(records, desc=f"read {name}", unit="image", disable=None)]


def _require_same_plan(
    plan: SimulationPlan, pool: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]], output: Path
) -> None:
    """Write the plan down, or compare it with the one that is there."""
    names = {name: [record["image_id"] for record in records] for name, records in (("pool", pool), ("test", test))}
    content = json.loads(json.dumps({**asdict(plan), **names}))
    del content["seeds"]  # more of them can be added
    path = output / "plan.json"
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != content:
        raise WrongCallError(f"{output} holds the steps of another plan; name another --output or remove it.")
    write_json(path, content)
