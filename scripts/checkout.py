"""Imported by every script: it acts on the checkout that it lies in, also where Python has another one installed."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""Top folder of the checkout."""

if Path(getattr(sys.modules["__main__"], "__file__", "")).resolve().parent == ROOT / "scripts":  # not a test of one
    sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
