"""The page of a run: a picture and a line for each file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from mammoseg import __version__
from mammoseg.counts import format_number
from mammoseg.files import atomic_path
from mammoseg.prediction.options import Run
from mammoseg.prediction.table import Row, Status


def write_page_of(template: str, path: Path, run: Run, *, package: str = "mammoseg.prediction", **facts: Any) -> None:
    """Write a page of results, whole or not at all: what must be said of any run stands in its base.

    Args:
        template: name of the template, which extends ``base.html`` of this room.
        path: file of the page.
        run: what held for all files.
        package: room of the template.
        facts: values that the template takes by their names.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, ".") for name in (package, "mammoseg.prediction")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    html = environment.get_template(template).render(run=run, software_version=__version__, **facts)
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def write_page(rows: Sequence[Row], run: Run, path: Path) -> None:
    """Write the page, whole or not at all; pictures and masks lie beside it under the names in `rows`."""
    write_page_of("index.html", path, run, rows=rows, count=Counter(row.status for row in rows), Status=Status)
