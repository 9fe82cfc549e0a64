"""What an ingest wrote."""

import json
from pathlib import Path
from typing import Any

from mammoseg.data.datalist import SECTIONS, read_datalist


def read_ingested(output: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Records by image_id, each with its section, and the report."""
    datalist = read_datalist(output / "datalist.json")
    records = [record | {"section": section} for section in SECTIONS for record in datalist[section]]
    report = json.loads((output / "ingest_report.json").read_text(encoding="utf-8"))
    return {record["image_id"]: record for record in records}, report
