"""A small bundle that nothing speaks against, to which a test adds what does."""

import json
import zipfile
from pathlib import Path

CONFIG = {
    "imports": ["$import os", "$import torch.distributed as dist"],
    "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
    "network": {"_target_": "UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 1},
    "rank": "$dist.get_rank() > 0",
    "evaluating": ["$@network.to(@device)"],
}

LOGGING = """
[loggers]
keys=root
[handlers]
keys=console
[formatters]
keys=full
[logger_root]
level=INFO
handlers=console
[handler_console]
class=StreamHandler
formatter=full
args=(sys.stdout,)
[formatter_full]
format=%(asctime)s - %(message)s
"""


def write_bundle(folder: Path, **config) -> Path:
    """Write a bundle to a new folder.

    Args:
        config: entries beside those of `CONFIG`.
    """
    (folder / "configs").mkdir(parents=True)
    (folder / "LICENSE").write_text("Apache-2.0")
    (folder / "configs" / "inference.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "configs" / "logging.conf").write_text(LOGGING)
    return folder


def zip_bundle(folder: Path, path: Path) -> Path:
    """Zip a bundle's folder under its name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"{folder.name}/{file.relative_to(folder)}")
    return path
