"""Segmentation of masses in mammograms: networks, data, DICOM and evaluation behind the MONAI bundles."""

__version__ = "0.1.0"
