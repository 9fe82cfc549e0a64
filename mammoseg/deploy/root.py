"""Where an exported bundle lies, wherever the working directory is."""

import sys
from pathlib import Path

from mammoseg.bundles import read_exported_name
from mammoseg.errors import WrongCallError


def locate_export(name: str) -> str:
    """Folder of the exported bundle `name`: the first on Python's search path.

    Before a run MONAI's `ConfigWorkflow` puts the folder above ``configs/`` there, `python -m` puts the working
    directory, MONAI Label the bundle. The package's own place would not do: an installed mammoseg may come first.

    Raises:
        WrongCallError: no export of that name is on the path.
    """
    for entry in sys.path:
        folder = Path(entry).resolve()
        if read_exported_name(folder) == name:
            return str(folder)
    raise WrongCallError(
        f"no exported bundle '{name}' is on Python's search path; set PYTHONPATH to its folder, or start there."
    )
