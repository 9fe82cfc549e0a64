"""The splits of published papers, by name; ``protocols.json`` is the table, docs/datalist.md explains it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestReport
from mammoseg.data.splits import SplitRule
from mammoseg.errors import WrongCallError, make_unknown_name_error

ANY = "*"
"""Stands in the table for every source that has no line of its own."""


@dataclass(frozen=True)
class Protocol:
    """What a paper did with one collection.

    Attributes:
        name: its key in the table.
        source: source of `ingest` that it is asked of.
        rule: how the collection is divided.
        note: what a user of the split has to know.
        needs_official_test: it means nothing without the official test images.
        with_mass_only: whether it is about the images with a mass alone.
    """

    name: str
    source: str
    rule: SplitRule
    note: str
    needs_official_test: bool
    with_mass_only: bool

    def choose_images(self, records: Sequence[Record], report: IngestReport) -> list[Record]:
        """Records that the paper divided; others are counted.

        Args:
            records: images of the collection.
            report: counts what is left out.
        """
        left_out = [record["image_id"] for record in records if self.with_mass_only and not record["has_mass"]]
        for image_id in left_out:
            report.skip(f"images without a mass, which protocol {self.name} leaves out", image_id)
        return [record for record in records if not self.with_mass_only or record["has_mass"]]

    def check_fits(self, records: Sequence[Record]) -> None:
        """Refuse images that lack what the protocol is about.

        Raises:
            WrongCallError: official test or training images are needed and not there.
        """
        official = {section for record in records for section in record.get("official", ())}
        if self.needs_official_test and not {"training", "test"} <= official:
            shares = ",".join(f"{share:g}" for share in self.rule.shares)
            raise WrongCallError(
                f"protocol {self.name} needs the official training and test images, and those of this {self.source} "
                f"are {' and '.join(sorted(official)) or 'none'}; add the others, or divide these with "
                f"--shares {shares}."
            )


def find_protocol(name: str, source: str, *, by: str = "patient", folds: int | None = None) -> Protocol:
    """The protocol of a paper for one source.

    Args:
        by: ``patient`` or ``image``: what stays together.
        folds: number of folds, which a protocol of folds says itself.
    Raises:
        WrongCallError: there is no such protocol, it says nothing of this source, or has another number of folds.
    """
    table = _read_table()
    if name not in table:
        raise make_unknown_name_error("protocol", name, table)
    lines = table[name]
    if source not in lines and ANY not in lines:
        known = " or ".join(lines)
        ways = ", ".join(f"{_format_option(line)} as for {key}" for key, line in lines.items())
        raise WrongCallError(f"protocol {name} is about {known}, not {source}; say what you mean of it: {ways}.")
    line = lines.get(source) or lines[ANY]
    if folds is not None and line.get("folds", folds) != folds:
        raise WrongCallError(f"protocol {name} has {line['folds']} folds, not {folds}; leave --folds out.")
    divided = {"all_in": line["all"]} if "all" in line else {"shares": tuple(line["shares"])}
    rule = SplitRule(**divided, by=by, folds=line.get("folds", folds))
    return Protocol(
        name, source, rule, line["note"], line.get("needs_official_test", False), line.get("with_mass_only", False)
    )


def _format_option(line: Record) -> str:
    return f"--all {line['all']}" if "all" in line else f"--shares {','.join(map(str, line['shares']))}"


@cache
def _read_table() -> dict[str, dict[str, Record]]:
    table: dict[str, dict[str, Record]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table
