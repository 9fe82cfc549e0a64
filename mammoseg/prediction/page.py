"""The page of a run: a picture and a line for each file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2

from mammoseg import __version__
from mammoseg.counts import format_number
from mammoseg.files import atomic_path
from mammoseg.prediction.options import Run
from mammoseg.prediction.table import Row, Status


def write_page(rows: Sequence[Row], run: Run, path: Path) -> None:
    """Write the page, whole or not at all; pictures and masks lie beside it under the names in `rows`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mammoseg.prediction", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    html = environment.get_template("index.html").render(
        rows=rows,
        run=run,
        count=Counter(row.status for row in rows),
        Status=Status,
        software_version=__version__,
    )
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
