"""What the released monailabel 0.8.5 needs before its import: beside pydicom 3 and CPU torch, and with no network."""

import os

from mammoseg.compat import heal_pydicom_seg, heal_torchvision

SETTINGS = {
    "MONAI_LABEL_SESSIONS": "false",
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MONAI_ZOO_SOURCE": "ngc",
}
"""No uploads unpacked, no scoring that nobody asked for, no tracking server, no list fetched from the model zoo."""


def prepare() -> None:
    """Make `import monailabel` work; call it before. Values that are set in the environment stay."""
    heal_pydicom_seg()
    heal_torchvision()
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
