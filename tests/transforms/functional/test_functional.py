"""What holds for all functions behind the transforms."""

import subprocess
import sys

import numpy as np

from mammoseg.transforms.functional.crop_border import find_border_box
from mammoseg.transforms.functional.crop_negligible import find_dark_frame_box
from mammoseg.transforms.functional.crop_to_breast import find_breast_box
from mammoseg.transforms.functional.geometry import Box
from mammoseg.transforms.functional.remove_background import remove_background


def test_the_functions_need_no_torch():
    program = (
        "import importlib, pkgutil, sys, mammoseg.transforms.functional as package\n"
        "for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "import mammoseg.data.mammogram, mammoseg.data.masks, mammoseg.dicom.read\n"
        "sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_constant_image_loses_nothing():
    constant = np.full((30, 20), 5, np.float32)
    assert find_breast_box(constant) == find_border_box(constant) == find_dark_frame_box(constant) == Box(0, 0, 30, 20)
    np.testing.assert_array_equal(remove_background(constant), constant)
