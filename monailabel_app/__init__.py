"""MONAI Label app of mammoseg: `python -m monailabel_app --studies FOLDER_OR_DICOMWEB` (docs/label.md)."""
