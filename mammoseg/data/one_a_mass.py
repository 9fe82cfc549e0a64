"""Records of masses out of records of images, for what looks at one mass at a time."""

import json
from collections.abc import Sequence

from mammoseg.counts import format_count
from mammoseg.data.datalist import Record
from mammoseg.errors import WrongCallError


def split_by_mass(records: Sequence[Record]) -> list[Record]:
    """One record for each mass: ``label`` and ``instances`` are its own mask, ``image_id`` ends in its number.

    Images without a mass are left out.

    Args:
        records: records of `mammoseg.data.datalist.load_section`.
    Raises:
        WrongCallError: images have a mass, but no mask of each; or there is no mass at all.
    """
    if unknown := [record for record in records if record["has_mass"] and not record["instances"]]:
        raise WrongCallError(
            f"{len(unknown)} of {format_count(len(records), 'image')} (first {unknown[0]['image_id']}) have no mask of "
            "each mass, `instances` in the datalist, and a patch is cut around each; ingest a collection that has them."
        )
    masses = [
        record | {"label": path, "instances": json.dumps([path]), "image_id": f"{record['image_id']}.mass-{number}"}
        for record in records
        for number, path in enumerate(json.loads(record["instances"] or "[]"), start=1)
    ]
    if not masses:
        raise WrongCallError(
            f"not one of {format_count(len(records), 'image')} has a mass, and a patch is cut around each."
        )
    return masses
