"""The page of a run: a picture and a line for each file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.pages.html import write_html
from mammoseg.prediction.options import Run
from mammoseg.prediction.table import Row, Status

HERE = Path(__file__).parent
"""Has ``base.html``: what must be said of any run."""


def write_page(rows: Sequence[Row], run: Run, path: Path) -> None:
    """Write the page, whole or not at all; pictures and masks lie beside it under the names in `rows`."""
    write_page_of("index.html", path, run, rows=rows, count=Counter(row.status for row in rows), Status=Status)


def write_page_of(template: str, path: Path, run: Run, *folders: Path, **facts: Any) -> None:
    """Write a page of results.

    Args:
        template: name of the template, which extends ``base.html`` of this room.
        path: file of the page.
        run: what held for all files.
        folders: where the template is, unless in this room.
        facts: values that the template takes by their names.
    """
    write_html(path, template, *folders, HERE, run=run, software_version=__version__, **facts)
