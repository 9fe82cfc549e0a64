"""All files of a folder that could be mammograms."""

from pathlib import Path

from mammoseg.errors import NothingUsableError

SUFFIXES = {"", ".dcm", ".dicom", ".ima", ".png", ".tif", ".tiff", ".nii", ".gz"}
"""Endings that the reader may know; DICOM files often have none."""


def find_images(folder: Path | str) -> list[dict[str, str]]:
    """Items ``{"image": path, "image_id": name}`` of a folder and its sub-folders, sorted by path.

    Raises:
        NothingUsableError: there is none.
    """
    root = Path(folder)
    paths = sorted(p for p in root.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES and p.name[0] != ".")
    if not paths:
        raise NothingUsableError(f"there is no image in {root}; name a folder with DICOM, PNG, TIFF or NIfTI files.")
    return [{"image": str(path), "image_id": str(path.relative_to(root))} for path in paths]
