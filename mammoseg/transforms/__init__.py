"""MONAI transforms, one a file; what they do is in `functional`, which needs numpy and OpenCV, not torch."""
