"""Splits by patient: training, validation, test and folds, each with the same mix of pathologies.

Patients, not images, are dealt out. They are put in order of their worst finding, shuffled within it by the seed, and
dealt one after the other to the section that lags furthest behind its share (the quota method of apportionment), so
that every finding spreads over the sections as evenly as its number allows. scikit-learn's ``StratifiedGroupKFold``
makes equal folds only, not 70 / 15 / 15.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from mammoseg.counts import count_of
from mammoseg.data.datalist import SECTIONS, Record
from mammoseg.errors import WrongCallError

SHARES = {"training": 0.70, "validation": 0.15, "test": 0.15}
FOLDS = 5

SEVERITY = {"MALIGNANT": 4, "BENIGN": 3, "BENIGN_WITHOUT_CALLBACK": 2, "NORMAL": 0}
"""Rank of a finding; a mass of unknown pathology has rank 1, no mass and nothing known has rank 0."""

Key = TypeVar("Key", bound=Hashable)


def split_by_patient(
    records: Sequence[Record], *, seed: int, folds: int | None = None
) -> tuple[dict[str, list[Record]], list[str]]:
    """Give every record its section and its fold.

    A record may name under ``official`` the sections that its source gives its patient. Official validation and test
    sets are kept as they are; whichever of the two the source does not have is drawn from the rest, in the ratio of
    `SHARES`. A patient whom the source puts into several sections goes whole into the last of them (test before
    validation before training).

    Args:
        records: images with ``patient_id``, ``has_mass``, maybe ``pathology`` and ``official`` (a set); they are not
            changed.
        folds: number of folds over training and validation together; test records get None. None takes `FOLDS`, or
            as many as there are patients.
    Returns:
        the records by section, with ``fold`` and without ``official``, and the patients who stood in several sections.
    Raises:
        WrongCallError: there are too few patients for sections or folds, or fewer than two folds are asked for.

    Examples:
        >>> from mammoseg.data.splits import split_by_patient
        >>> records = [{"patient_id": f"p{n // 2}", "has_mass": True} for n in range(200)]  # two images each
        >>> split, torn = split_by_patient(records, seed=0)
        >>> {section: len(records) for section, records in split.items()}, torn
        ({'training': 140, 'validation': 30, 'test': 30}, [])
    """
    if folds is not None and folds < 2:
        raise WrongCallError(f"folds is {folds}, cross-validation needs 2 or more; leave it out for {FOLDS}.")
    findings = _worst_findings(records)
    official = _official_sections(records)
    fixed = {patient: max(named, key=SECTIONS.index) for patient, named in official.items()}
    shares = {name: share for name, share in SHARES.items() if name == "training" or name not in fixed.values()}
    free = {patient: rank for patient, rank in findings.items() if fixed.get(patient, "training") == "training"}
    sections = fixed | _deal(free, shares, seed=seed)
    in_training = {patient: rank for patient, rank in findings.items() if sections[patient] != "test"}
    if folds is not None and folds > len(in_training):
        raise WrongCallError(
            f"folds is {folds}, training and validation have {count_of(len(in_training), 'patient')}, and no two folds "
            f"share one; give {len(in_training)} or fewer, or add patients."
        )
    fold_of = _deal(in_training, dict.fromkeys(range(folds or min(FOLDS, len(in_training))), 1.0), seed=seed)
    split: dict[str, list[Record]] = {section: [] for section in SECTIONS}
    for record in records:
        patient = record["patient_id"]
        plain = {key: value for key, value in record.items() if key != "official"}
        split[sections[patient]].append(plain | {"fold": fold_of.get(patient)})
    return split, sorted(patient for patient, named in official.items() if len(named) > 1)


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


def severity(record: Mapping[str, Any]) -> int:
    """Rank of the finding of a record, see `SEVERITY`."""
    return SEVERITY.get(record.get("pathology", ""), int(record["has_mass"]))


def _worst_findings(records: Sequence[Record]) -> dict[str, int]:
    worst: dict[str, int] = {}
    for record in records:
        worst[record["patient_id"]] = max(worst.get(record["patient_id"], 0), severity(record))
    return worst


def _official_sections(records: Sequence[Record]) -> dict[str, set[str]]:
    official: dict[str, set[str]] = {}
    for record in records:
        if record.get("official"):
            official.setdefault(record["patient_id"], set()).update(record["official"])
    return official


def _deal(findings: Mapping[str, int], shares: Mapping[Key, float], *, seed: int) -> dict[str, Key]:
    """Give each patient one of the keys of `shares`, so that each key gets its share of every finding."""
    sizes = _sizes(len(findings), shares)
    order = np.random.default_rng(seed).permutation(sorted(findings)).tolist()
    order.sort(key=lambda patient: -findings[patient])
    given = dict.fromkeys(sizes, 0)
    dealt = {}
    for position, patient in enumerate(order, start=1):
        key = max(sizes, key=lambda key: sizes[key] * position / len(order) - given[key])
        given[key] += 1
        dealt[patient] = key
    return dealt


def _sizes(patients: int, shares: Mapping[Key, float]) -> dict[Key, int]:
    """Number of patients of each key: the shares rounded, but at least one; the first key takes the difference."""
    first, *others = shares
    total = sum(shares.values())
    sizes = {key: max(1, round(patients * shares[key] / total)) for key in others}
    left = patients - sum(sizes.values())
    if left < 1:
        raise WrongCallError(
            f"{count_of(patients, 'patient')} cannot fill {len(shares)} sections without sharing one; "
            "add patients, or say with --patient-regex where the patient code stands if these are more."
        )
    return {first: left} | sizes
