"""MONAI transforms, one a file. `functional` holds what they do, in numpy and OpenCV alone; nothing here imports torch."""
