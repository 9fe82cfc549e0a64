"""Convert the weights that ship for engines without torch: bundles/NAME/models/shipped.onnx, which git does not keep.

Usage: python scripts/convert_shipped.py

`scripts/install.sh` calls it, and a wheel built afterwards holds what it made.
"""

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.command_line import run_script
from mammoseg.inference.engines.conversion import convert_shipped


def main() -> None:
    """Convert what was not converted yet, and name the files."""
    for model in convert_shipped():
        print(model)


if __name__ == "__main__":
    run_script(main)
