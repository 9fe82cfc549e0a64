"""Splits: training, validation, test and folds, each with the same mix of pathologies, no patient in two of them.

Patients, not images, are dealt out. They are put in order of their worst finding, shuffled within it by the seed, and
dealt one after the other to the section that lags furthest behind its share (the quota method of apportionment), so
that every finding spreads over the sections as evenly as its number allows. Folds are dealt in rounds of one patient
each, who differ by one patient at most. scikit-learn's ``StratifiedGroupKFold`` makes equal folds only, not
70 / 15 / 15, and lets the numbers of patients of small sets differ by more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from mammoseg.counts import format_count
from mammoseg.data.datalist import SECTIONS, Record
from mammoseg.errors import WrongCallError, make_unknown_name_error

SHARES = {"training": 0.70, "validation": 0.15, "test": 0.15}
FOLDS = 5

SEVERITY = {"MALIGNANT": 4, "BENIGN": 3, "BENIGN_WITHOUT_CALLBACK": 2, "NORMAL": 0}
"""Rank of a finding; a mass of unknown pathology has rank 1, no mass and nothing known has rank 0."""

GROUPS = {"patient": "patient_id", "image": "image_id"}
"""What stays together, and the key of a record that names it."""


@dataclass(frozen=True)
class SplitRule:
    """How a collection is divided.

    Attributes:
        shares: parts of training, validation and test; any may be 0, only their ratio counts. They divide the patients
            whom the source gives no official validation or test section.
        all_in: the one section that takes every image, whatever is official; None divides.
        by: ``patient``, or ``image``, which puts one patient on both sides.
        folds: number of folds over training and validation together; None takes `FOLDS`, or as many as there are
            patients.
    Raises:
        WrongCallError: a value makes no sense.
    """

    shares: tuple[float, ...] = tuple(SHARES.values())
    all_in: str | None = None
    by: str = "patient"
    folds: int | None = None

    def __post_init__(self) -> None:
        if len(self.shares) != len(SECTIONS) or min(self.shares) < 0 or not 0 < sum(self.shares) < float("inf"):
            raise WrongCallError(
                f"shares are {self.shares}; give three numbers from 0 for training, validation and test, not all 0."
            )
        if self.all_in not in (None, *SECTIONS):
            raise make_unknown_name_error("section", str(self.all_in), SECTIONS)
        if self.by not in GROUPS:
            raise WrongCallError(f"a split by '{self.by}' is not known; known: {', '.join(GROUPS)}.")
        if self.folds is not None and self.folds < 2:
            raise WrongCallError(f"folds is {self.folds}, cross-validation needs 2 or more; leave it out for {FOLDS}.")

    @property
    def fewest_patients(self) -> int:
        """How many it takes to fill every section that has a share."""
        return 1 if self.all_in else sum(share > 0 for share in self.shares)


def split_records(
    records: Sequence[Record], rule: SplitRule, *, seed: int
) -> tuple[dict[str, list[Record]], list[str]]:
    """Give every record its section and its fold.

    A record may name under ``official`` the sections that its source gives its patient. Official validation and test
    sets are kept as they are; whichever of the two the source does not have is drawn from the rest, in the ratio of
    the shares. A patient whom the source puts into several sections goes whole into the last of them (test before
    validation before training).

    Args:
        records: images with ``patient_id``, ``has_mass``, maybe ``pathology`` and ``official`` (a set), and
            ``image_id`` for a split by image; they are not changed.
        rule: who goes where; its folds are over training and validation together, test records get None.
        seed: decides who of equal finding goes where.
    Returns:
        the records by section, with ``fold`` and without ``official``, and the patients who stood in several sections.
    Raises:
        WrongCallError: there are too few patients for sections or folds.

    Examples:
        >>> from mammoseg.data.splits import SplitRule, split_records
        >>> records = [{"patient_id": f"p{n // 2}", "has_mass": True} for n in range(200)]  # two images each
        >>> split, torn = split_records(records, SplitRule(), seed=0)
        >>> {section: len(records) for section, records in split.items()}, torn
        ({'training': 140, 'validation': 30, 'test': 30}, [])
    """
    group = GROUPS[rule.by]
    findings = _find_worst(records, group)
    official = {} if rule.all_in else _collect_official(records, group)
    sections = _deal_sections(findings, official, rule, seed=seed)
    images = Counter(record[group] for record in records)
    in_training = {name: rank for name, rank in findings.items() if sections[name] != "test"}
    if rule.folds is not None and rule.folds > len(in_training) > 0:
        raise WrongCallError(
            f"folds is {rule.folds}, training and validation have {format_count(len(in_training), rule.by)}, and no "
            f"two folds share one; give {len(in_training)} or fewer, or add {rule.by}s."
        )
    fold_of = _deal_folds(in_training, images, rule.folds or min(FOLDS, len(in_training)), seed=seed)
    split: dict[str, list[Record]] = {section: [] for section in SECTIONS}
    for record in records:
        plain = {key: value for key, value in record.items() if key != "official"}
        split[sections[record[group]]].append(plain | {"fold": fold_of.get(record[group])})
    return split, sorted(name for name, named in official.items() if len(named) > 1)


def find_shared_patients(sections: Mapping[str, Sequence[Record]]) -> list[str]:
    """Patients who stand in more than one section, in order."""
    groups = [{record["patient_id"] for record in records} for records in sections.values()]
    return sorted(name for name, count in Counter(chain.from_iterable(groups)).items() if count > 1)


def extend_split(known: Mapping[str, str], patients: Sequence[str]) -> dict[str, str]:
    """Give new patients a section while those known keep theirs, as a set that grows with every label needs it.

    The first patients fill one section each, in the order training, validation, test; each further one goes where most
    is missing of `SHARES`.

    Args:
        known: section of each patient so far; patients that are no longer there may be among them.
        patients: all that need one; known ones and doubles may be among them.
    Returns:
        Section of each patient of both arguments.
    """
    sections = dict(known)
    for patient in patients:
        if patient in sections:
            continue
        given = [list(sections.values()).count(section) for section in SECTIONS]
        missing = [
            SHARES[section] * (len(sections) + 1) - count for section, count in zip(SECTIONS, given, strict=True)
        ]
        lacking = [index for index, count in enumerate(given) if count == 0] or range(len(SECTIONS))
        sections[patient] = SECTIONS[lacking[0] if 0 in given else max(lacking, key=missing.__getitem__)]
    return sections


def rank_severity(record: Mapping[str, Any]) -> int:
    """Rank of the finding of a record, see `SEVERITY`."""
    return SEVERITY.get(record.get("pathology", ""), int(record["has_mass"]))


def _deal_sections(
    findings: Mapping[str, int], official: Mapping[str, set[str]], rule: SplitRule, *, seed: int
) -> dict[str, str]:
    """Section of each patient (image in a split by image)."""
    if rule.all_in:
        return dict.fromkeys(findings, rule.all_in)
    fixed = {name: max(named, key=SECTIONS.index) for name, named in official.items()}
    free = {name: rank for name, rank in findings.items() if fixed.get(name, "training") == "training"}
    asked = dict(zip(SECTIONS, rule.shares, strict=True))
    shares = {
        section: share
        for section, share in asked.items()
        if share > 0 and (section == "training" or section not in fixed.values())
    }
    if free and not shares:
        raise WrongCallError(
            f"these shares leave {format_count(len(free), rule.by)} outside the official sections without one; "
            "give training or validation a share, or take all images for one section with --all test."
        )
    return fixed | (_deal(free, shares, seed=seed) if free else {})


def _find_worst(records: Sequence[Record], group: str) -> dict[str, int]:
    worst: dict[str, int] = {}
    for record in records:
        worst[record[group]] = max(worst.get(record[group], 0), rank_severity(record))
    return worst


def _collect_official(records: Sequence[Record], group: str) -> dict[str, set[str]]:
    official: dict[str, set[str]] = {}
    for record in records:
        if record.get("official"):
            official.setdefault(record[group], set()).update(record["official"])
    return official


def _rank(findings: Mapping[str, int], *, seed: int) -> list[str]:
    """The worst finding first, those of the same one shuffled by the seed, whatever order they came in."""
    order: list[str] = np.random.default_rng(seed).permutation(sorted(findings)).tolist()
    return sorted(order, key=lambda name: -findings[name])


def _deal(findings: Mapping[str, int], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """Give each patient one of the sections of `shares`, so that each section gets its share of every finding."""
    sizes = _compute_sizes(len(findings), shares)
    order = _rank(findings, seed=seed)
    given = dict.fromkeys(sizes, 0)
    dealt = {}
    for position, name in enumerate(order, start=1):
        section = max(sizes, key=lambda key: sizes[key] * position / len(order) - given[key])
        given[section] += 1
        dealt[name] = section
    return dealt


def _deal_folds(findings: Mapping[str, int], images: Mapping[str, int], folds: int, *, seed: int) -> dict[str, int]:
    """Fold of each patient: in each round every fold gets one, that with the fewest images so far the one with most."""
    order = sorted(_rank(findings, seed=seed), key=lambda name: (-findings[name], -images[name]))
    held = [0] * folds
    fold_of = {}
    for start in range(0, len(order), max(folds, 1)):
        dealt = sorted(order[start : start + folds], key=lambda name: -images[name])
        for fold, name in zip(sorted(range(folds), key=held.__getitem__), dealt, strict=False):
            held[fold] += images[name]
            fold_of[name] = fold
    return fold_of


def _compute_sizes(patients: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Number of patients of each section: the shares rounded, but at least one; the first takes the difference."""
    first, *others = shares
    total = sum(shares.values())
    sizes = {key: max(1, round(patients * shares[key] / total)) for key in others}
    left = patients - sum(sizes.values())
    if left < 1:
        raise WrongCallError(
            f"{format_count(patients, 'patient')} cannot fill {len(shares)} sections without sharing one; "
            "add patients, or say with --patient-regex where the patient code stands if these are more, "
            "or fill fewer sections: --all test, --shares 1,0,0."
        )
    return {first: left} | sizes
