"""Write the generated files of all bundles, or check that they are up to date.

Usage: python scripts/build_bundles.py [--check]
"""

import sys

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.bundles import build_bundle, find_first_difference, list_bundle_names
from mammoseg.command_line import run_script
from mammoseg.counts import format_count


def build_bundles(check: bool = False) -> None:
    """Merge `bundles/_base` with each `arch.json` into `bundles/*/configs`.

    Args:
        check: write nothing; end with exit code 1 and the first difference when a bundle is out of date.
    """
    for name in list_bundle_names():
        if not check:
            build_bundle(name)
        elif difference := find_first_difference(name):
            sys.exit(f"{difference}; run: python scripts/build_bundles.py")
    print(f"{format_count(len(list_bundle_names()), 'bundle')} {'up to date' if check else 'written'}.")


if __name__ == "__main__":
    run_script(build_bundles)
