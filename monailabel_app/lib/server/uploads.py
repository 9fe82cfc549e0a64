"""Files from clients, in a private folder that goes with the request; the name a client gives lends its suffix only."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import UploadFile

from mammoseg.data.mammogram import detect_file_format
from mammoseg.errors import InputRefusedError
from monailabel_app.lib.errors import HttpError

SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".dcm", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm", ".bin")
"""Of files that are taken by their names; ``.bin`` is what OHIF's panel sends: the bytes of the mask alone."""


@contextmanager
def uploaded(upload: UploadFile, state_dir: Path) -> Iterator[Path]:
    """A file with the bytes of the upload, for as long as the block lasts.

    Raises:
        HttpError: 422; neither its first bytes are those of an image, nor is its name one of `SUFFIXES`; or nothing is
            in it.
    """
    name = (upload.filename or ".nii.gz").lower()
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    with received(suffix, state_dir) as path:
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)
        if not path.stat().st_size:
            raise HttpError(422, "E_EMPTY", "the uploaded file is empty.")
        if not suffix and not _is_image(path):
            raise HttpError(422, "E_FILE_KIND", f"this is no image, and no name that ends in {', '.join(SUFFIXES)}.")
        yield path


def _is_image(path: Path) -> bool:
    try:
        detect_file_format(path)
    except InputRefusedError:
        return False
    return True


@contextmanager
def received(suffix: str, state_dir: Path) -> Iterator[Path]:
    """Path for a new file with what a client sent, which goes with the block."""
    parent = locate_uploads(state_dir)
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder) / f"upload{suffix}"


def remove_leftovers(state_dir: Path) -> None:
    """Remove uploads of a server that was killed; none may be at work."""
    shutil.rmtree(locate_uploads(state_dir), ignore_errors=True)


def locate_uploads(state_dir: Path) -> Path:
    """Where uploads lie while they are read."""
    return state_dir / "uploads"
