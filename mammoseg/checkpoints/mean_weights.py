"""The mean of the probabilities of several checkpoints as the weights of one network, which an export can hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.checkpoint import Weights, list_differences, read_weights
from mammoseg.checkpoints.ensemble_file import EnsembleRecord, check_members, choose_for_mean
from mammoseg.checkpoints.record import check_architecture, choose_bundle, name_architecture, read_mass_threshold
from mammoseg.checkpoints.recorded import MOST_MEMBERS
from mammoseg.checkpoints.recorded_values import MOST_LETTERS
from mammoseg.checkpoints.weights_file import name_apart
from mammoseg.errors import WrongCallError
from mammoseg.files import as_printable
from mammoseg.networks import MeanOfNetworks
from mammoseg.networks.mean_of_networks import drop_channels
from mammoseg.networks.network import ARCHITECTURE

WAY_OUT = "an export has one network and one preprocessing; predict and the label server take the mean of such weights"
"""What to do with weights of which no one network can be made."""


def join_weights(files: Sequence[Path], *, bundle: str, record: EnsembleRecord | None = None) -> Weights:
    """The mean of several weights as those of a `MeanOfNetworks`; of one file it is that network, as `record` says.

    Threshold, calibration and least area are those of `choose_for_mean`, as `predict` has them with the same files.

    Args:
        files: checkpoints, or weights that ship, which see an image in the same way.
        bundle: bundle of those that do not record one of their own.
        record: what was chosen for their mean.
    Returns:
        Weights of no file yet: their path has the names of all, and their hash is empty.
    Raises:
        WeightsError: one cannot be used, is not of its bundle, or is not the file that `record` is about.
        WrongCallError: they are too many, one is a mean itself, or they see an image in different ways.
    """
    if len(files) > MOST_MEMBERS:
        raise WrongCallError(f"{len(files)} weights are too many for one network; name at most {MOST_MEMBERS}.")
    members = [read_weights(file) for file in files]
    bundles = [choose_bundle(member, bundle) for member in members]
    for member, its_bundle in zip(members, bundles, strict=True):
        check_architecture(member, its_bundle)
        _check_sees_alike(member, members[0], checks_flips=record is None)
    flips = members[0].flips if record is None else record.flips
    if record is not None:
        check_members(record, {member.path.name: member.sha256 for member in members})
    chosen = choose_for_mean(
        record,
        thresholds=[read_mass_threshold(member, of) for member, of in zip(members, bundles, strict=True)],
        areas=[member.min_area_mm2 for member in members],
        flips=[flips] * len(members),
    )
    network, model = _join_networks(members)
    return Weights(
        model=model,
        architecture=name_architecture(network),
        network=network,
        preprocessing=members[0].preprocessing,
        provenance={**_describe_origin(members, bundle), **(record.provenance if record else {})},
        sha256="",
        path=Path(" + ".join(name_apart([(member.path.name, member.sha256) for member in members]))),
        flips=flips,
        **chosen,
    )


def _check_sees_alike(member: Weights, first: Weights, *, checks_flips: bool) -> None:
    """Refuse a member that is shown an image otherwise than the first, or answers in another form."""
    if "members" in member.network:
        raise WrongCallError(f"{member.path} is a mean of networks itself; name its members.")
    channels = ("in_channels", "out_channels")
    different = list_differences(member.preprocessing, first.preprocessing)
    different += list_differences(*({name: one.network[name] for name in channels} for one in (member, first)))
    if checks_flips:
        different += list_differences({"flips": member.flips}, {"flips": first.flips})
    if different:
        raise WrongCallError(
            f"{first.path} here and {member.path} there see an image in different ways, "
            f"{'; '.join(different)}: {WAY_OUT}."
        )


def _join_networks(members: Sequence[Weights]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and state dictionary of a mean of networks; those of the only one where there are not several."""
    first, *others = members
    if not others:
        return first.network, first.model
    network = {
        ARCHITECTURE: MeanOfNetworks.__name__,
        "in_channels": first.network["in_channels"],
        "out_channels": first.network["out_channels"],
        "members": [drop_channels(member.network) for member in members],
    }
    model = {
        f"members.{number}.{key}": value for number, member in enumerate(members) for key, value in member.model.items()
    }
    return network, model


def _describe_origin(members: Sequence[Weights], bundle: str) -> dict[str, Any]:
    """Provenance of the mean; of the only one where there are not several its own, with its hash."""
    first, *others = members
    if not others:
        return {**first.provenance, "checkpoint_sha256": first.sha256}
    return {"bundle": bundle, "members": [_describe_member(member) for member in members]}


def _describe_member(member: Weights) -> dict[str, Any]:
    """File, hash and origin of a member, of which what is nested is kept as deep as a provenance may be."""
    said = {**member.origin, "started_from": member.provenance.get("started_from")}
    file = as_printable(member.path.name)[-MOST_LETTERS:]
    return {"file": file, **{name: _drop_nested(value) for name, value in said.items()}}


def _drop_nested(value: Any) -> Any:
    """A fact without the lists and dictionaries in it."""
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if not isinstance(part, dict | list)}
    return [part for part in value if not isinstance(part, dict | list)] if isinstance(value, list) else value
