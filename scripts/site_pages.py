"""Hook of mkdocs: pages of the site that are written elsewhere (README, cards, commands, API), and links between them.

`make docs` runs it. A link is written for the repository; here it becomes one of the site where its target is a page,
and one to the repository where it is another file of it. A link to nothing stays, and the strict build names it.
"""

import posixpath
import re
import sys
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"

ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    **{str(card.relative_to(ROOT)): f"cards/{card.parts[-3]}.md" for card in ROOT.glob("bundles/*/docs/README.md")},
}
"""Pages that lie outside docs/: file of the repository to page of the site."""

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is written elsewhere, and what is generated."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for figure in ROOT.glob("bundles/*/docs/*.svg"):
        files.append(File.generated(config, f"cards/{figure.parts[-3]}-{figure.name}", abs_src_path=str(figure)))
    files.append(File.generated(config, "commands.md", content=_render_commands()))
    for name, content in _render_api().items():
        files.append(File.generated(config, f"api/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site."""
    uri = page.file.src_uri
    origin = next((source for source, target in ELSEWHERE.items() if target == uri), DOCS + uri)

    def site_link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[1]))
        anchor = match[2] or ""
        figure = re.fullmatch(r"bundles/(\w+)/docs/(\w+\.svg)", target)
        if target in ELSEWHERE:
            place = ELSEWHERE[target]
        elif figure:
            place = f"cards/{figure[1]}-{figure[2]}"
        elif target.startswith(DOCS):
            place = target.removeprefix(DOCS)
        else:
            return f"{config.repo_url}/blob/main/{target}{anchor}" if (ROOT / target).exists() else match[0]
        return posixpath.relpath(place, posixpath.dirname(uri) or ".") + anchor

    return LINK.sub(site_link, markdown)


def _render_commands() -> str:
    """The help of every command, as argparse writes it."""
    sys.path.insert(0, str(ROOT))
    from mammoseg.commands import COMMANDS

    parts = ["# Commands\n\n`mammoseg COMMAND --help` prints the same. Options may be spelt with `-` or `_`.\n"]
    for name, declare in COMMANDS.items():
        parser = ArgumentParser(f"mammoseg {name}", description=declare.__doc__, argument_default=SUPPRESS)
        declare(parser.add_argument)
        parts.append(f"## {name}\n\n```text\n{parser.format_help()}```\n")
    return "\n".join(parts)


def _render_api() -> dict[str, str]:
    """A page for each room of the package, and one for what stands at its top."""
    package = ROOT / "mammoseg"
    rooms = {path.parent.name: path.parent for path in sorted(package.glob("*/__init__.py"))}
    pages = {name: _render_modules(f"mammoseg.{name}", sorted(folder.rglob("*.py"))) for name, folder in rooms.items()}
    pages["top"] = _render_modules("mammoseg", sorted(package.glob("*.py")))
    lines = [f"- [`mammoseg{'' if name == 'top' else '.' + name}`]({name}.md)" for name in sorted(pages)]
    pages["index"] = "# Python API\n\nEvery room of the package, from its docstrings.\n\n" + "\n".join(lines) + "\n"
    return pages


def _render_modules(title: str, files: list[Path]) -> str:
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.stem != "__init__"]
    return f"# {title}\n\n" + "\n".join(f"::: {name}\n" for name in names if not name.endswith("__main__"))
