"""Segmentation of masses in mammograms: networks, data, DICOM and evaluation behind the MONAI bundles."""

from mammoseg import moved

__version__ = "0.1.0"

moved.watch()
