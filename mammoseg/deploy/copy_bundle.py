"""A bundle of this package as a folder of the user's: configs to edit, and to run by MONAI's own command."""

import json
import shutil
from pathlib import Path

from mammoseg.bundles import locate_bundle
from mammoseg.files import whole_folder, write_json


def copy_bundle(bundle: str, *, output: Path | str) -> Path:
    """Write configs and card of a bundle to a folder; what a training of them writes lies in it, too.

    The configs name functions of the installed package. `export` writes trained weights with a copy of the package.

    Args:
        bundle: one of those that `mammoseg list` names.
        output: folder that does not exist or is empty.
    Returns:
        The folder.
    Raises:
        WrongCallError: naming the known bundles, or `output` holds something.
    """
    root, output = Path(locate_bundle(bundle)), Path(output)
    with whole_folder(output) as folder:
        for part in ("configs", "docs"):
            shutil.copytree(root / part, folder / part)
        shutil.copyfile(root / "LICENSE", folder / "LICENSE")
        for file in (folder / "configs").glob("*.json"):
            config = json.loads(file.read_text(encoding="utf-8"))
            if "run_root" in config:
                write_json(file, {**config, "run_root": str(output.resolve())})
    return output
