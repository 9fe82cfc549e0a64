"""DICOM in and out, in the words of the standard."""
