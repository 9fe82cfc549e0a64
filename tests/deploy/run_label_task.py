"""Infer one image with an exported bundle through MONAI Label's own task; prints what it says and the mask's path.

Usage: PYTHON tests/deploy/run_label_task.py BUNDLE IMAGE
"""

import json
import sys

bundle, image = sys.argv[1:]
sys.path.insert(0, bundle)

import mammoseg  # noqa: E402  # the copy in the bundle
from mammoseg.compat import heal_pydicom_seg, heal_torchvision  # noqa: E402

heal_pydicom_seg()
heal_torchvision()

from monailabel.tasks.infer.bundle import BundleInferTask  # noqa: E402  # needs the healing

task = BundleInferTask(bundle, {})
path, _ = task({"image": image, "device": "cpu", "result_extension": ".png"})
said = {"valid": task.is_valid(), "dimension": task.dimension, "mask": path, "package": mammoseg.__file__}
print(json.dumps(said))
