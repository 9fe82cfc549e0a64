"""Infer one image with an exported bundle through MONAI Label's own task; prints what it says and the mask's path.

Usage: PYTHON tests/deploy/run_label_task.py BUNDLE IMAGE
"""

import json
import sys

from mammoseg.compat import heal_pydicom_seg, heal_torchvision

heal_pydicom_seg()
heal_torchvision()

from monailabel.tasks.infer.bundle import BundleInferTask  # noqa: E402  # needs the healing

bundle, image = sys.argv[1:]
task = BundleInferTask(bundle, {})
path, _ = task({"image": image, "device": "cpu", "result_extension": ".png"})
print(json.dumps({"valid": task.is_valid(), "dimension": task.dimension, "labels": task.labels, "mask": path}))
