"""Write docs/conformance.md, the DICOM conformance statement, from the code; or check that it is up to date.

Usage: python scripts/write_conformance.py [--check]
"""

import sys

from checkout import ROOT
from conformance import render_conformance

from mammoseg.command_line import run_script
from mammoseg.files import atomic_path

PAGE = ROOT / "docs" / "conformance.md"


def write_conformance(check: bool = False) -> None:
    """Write the page.

    Args:
        check: write nothing; end with exit code 1 if the page is out of date.
    """
    text = render_conformance()
    if not check:
        with atomic_path(PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is out of date; run: python scripts/write_conformance.py")
    print(f"{PAGE} {'up to date' if check else 'written'}.")


if __name__ == "__main__":
    run_script(write_conformance)
