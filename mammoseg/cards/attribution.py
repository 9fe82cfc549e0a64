"""Whose work weights derive from: the images they learned from, and the first weights of their encoder."""

from collections.abc import Mapping
from typing import Any

from mammoseg.data.sources import SOURCES
from mammoseg.files import as_printable
from mammoseg.provenance import find_source


def list_attributions(provenance: Mapping[str, Any], preprocessing: Mapping[str, Any]) -> list[str]:
    """License, citation and what was changed of each work, a sentence each; empty where none is known.

    Args:
        provenance: what the weights say of themselves; what they started from counts too.
        preprocessing: settings that the images were prepared under.

    Examples:
        >>> from mammoseg.cards.attribution import list_attributions
        >>> list_attributions({"source": "phantom"}, {"crop_to_breast": True})
        ['Images: synthetic, made by mammoseg (Apache-2.0); changed: cut to the breast, resized, learnt from.']
    """
    before = provenance.get("started_from")
    runs = [run for run in (provenance, before) if isinstance(run, Mapping)]
    known = [SOURCES[source].license for run in runs if (source := find_source(run)) in SOURCES]
    cut = "cut to the breast" if preprocessing.get("crop_to_breast") else "cut"
    said = [f"Images: {terms}; changed: {cut}, resized, learnt from." for terms in dict.fromkeys(known) if terms]
    encoder = next((run["encoder"] for run in runs if isinstance(run.get("encoder"), Mapping)), None)
    if encoder is not None:
        words = f"{encoder.get('weights')}; {encoder.get('license', 'license not recorded')}"
        said.append(
            as_printable(f"First weights of the encoder {encoder.get('encoder')}: {words}; changed: trained further.")
        )
    return said
