"""One HTML page out of a template, whole or not at all."""

from pathlib import Path
from typing import Any

import jinja2

from mammoseg.counts import format_number
from mammoseg.files import atomic_path

HERE = Path(__file__).parent
"""Has ``skeleton.html`` of all pages, and ``sheet.html``, which those of tables extend."""


def write_html(path: Path, template: str, *folders: Path, **facts: Any) -> None:
    """Write a page; a value that its template asks for and nobody gives is a fault.

    Args:
        path: file of the page.
        template: name of the template; it may extend those of `folders` and of this room.
        folders: where templates are, its own first.
        facts: values that the template takes by their names.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    html = environment.get_template(template).render(**facts)
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
