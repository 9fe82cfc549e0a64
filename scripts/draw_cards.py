"""Write the model cards of all bundles and docs/architectures.md, or check that they are up to date.

Usage: python scripts/draw_cards.py [--check]
"""

import sys

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.cards.card import render_all_files
from mammoseg.command_line import run_script
from mammoseg.counts import format_count
from mammoseg.files import atomic_path


def draw_cards(check: bool = False) -> None:
    """Count and draw every network, without computing with it, and put what is written beside it.

    Args:
        check: write nothing; end with exit code 1 and the first file that is out of date.
    """
    files = render_all_files()
    for path, text in files.items():
        if not check:
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is out of date; run: python scripts/draw_cards.py")
    print(f"{format_count(len(files), 'file')} {'up to date' if check else 'written'}.")


if __name__ == "__main__":
    run_script(draw_cards)
