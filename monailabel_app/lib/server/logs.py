"""What the server logs: our own lines, which name no patient and no image; libraries that quote headers say nothing."""

import logging
import warnings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

OURS = ("monailabel_app", "mammoseg", "uvicorn")

QUOTING = ("dicomweb_client", "pydicom", "highdicom", "pynetdicom", "urllib3", "monailabel")
"""Their lines hold UIDs, what was searched for, or values of headers."""


def set_up(level: str) -> None:
    """Log to standard error.

    Args:
        level: level of our own lines; others are logged from WARNING on.
    """
    logging.basicConfig(level=logging.WARNING, format=FORMAT)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in QUOTING:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=rf"({'|'.join(QUOTING)})(\.|$)")
