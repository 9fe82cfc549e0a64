"""Whose work weights derive from: the images they learned from, and the first weights of their encoder."""

from collections.abc import Mapping
from typing import Any

from mammoseg.data.sources import SOURCES
from mammoseg.files import as_printable
from mammoseg.provenance import find_source, list_members


def list_attributions(provenance: Mapping[str, Any], preprocessing: Mapping[str, Any]) -> list[str]:
    """License, citation and what was changed of each work, a sentence each; empty where none is known.

    Args:
        provenance: what the weights say of themselves; what they started from counts too, and each member of a mean.
        preprocessing: settings that the images were prepared under.

    Examples:
        >>> from mammoseg.cards.attribution import list_attributions
        >>> list_attributions({"source": "phantom"}, {"crop_to_breast": True})
        ['Images: synthetic, made by mammoseg (Apache-2.0); changed: cut to the breast, resized, learnt from.']
    """
    histories = [_list_runs(member) for member in list_members(provenance)]
    known = [SOURCES[source].license for runs in histories for run in runs if (source := find_source(run)) in SOURCES]
    cut = "cut to the breast" if preprocessing.get("crop_to_breast") else "cut"
    said = [f"Images: {terms}; changed: {cut}, resized, learnt from." for terms in dict.fromkeys(known) if terms]
    encoders = [next((run["encoder"] for run in runs if run.get("encoder")), None) for runs in histories]
    return said + list(dict.fromkeys(_say_encoder(encoder) for encoder in encoders if isinstance(encoder, Mapping)))


def _list_runs(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The training that made weights, and the one that it started from."""
    return [run for run in (provenance, provenance.get("started_from")) if isinstance(run, Mapping)]


def _say_encoder(encoder: Mapping[str, Any]) -> str:
    words = f"{encoder.get('weights')}; {encoder.get('license', 'license not recorded')}"
    return as_printable(f"First weights of the encoder {encoder.get('encoder')}: {words}; changed: trained further.")
