"""Programs that read DICOM objects, each as a function that says in a few words what it made of one."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK

TIME_LIMIT = 60
"""Seconds that a reader may take; a damaged or odd object makes some of them hang or crash."""

SEGIMAGE2ITKIMAGE = Path(sys.executable).with_name("segimage2itkimage")
"""dcmqi's reader of segmentations; the wheel puts it beside Python."""

READ_WITH_SIMPLEITK = """
import sys, numpy, SimpleITK
image = SimpleITK.ReadImage(sys.argv[1])
print(image.GetSpacing())
numpy.save(sys.argv[2], SimpleITK.GetArrayFromImage(image))
"""


def run_reader(*command: str | Path) -> tuple[int, list[str]]:
    """Exit code and lines of stdout and stderr; a signal gives a negative code."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def errors_of_dciodvfy(program: str, path: Path) -> list[str]:
    """Lines that start with Error, since the exit code is 0 with some of them."""
    code, lines = run_reader(program, "-new", path)
    assert code >= 0 and lines, f"dciodvfy ended with {code} and said nothing"
    return [line for line in lines if line.startswith("Error")]


def errors_of_dcentvfy(program: str, paths: Sequence[Path]) -> list[str]:
    """What dicom3tools finds inconsistent between objects of one patient; silence is consent, warnings count."""
    code, lines = run_reader(program, *paths)
    assert code >= 0, f"dcentvfy ended with {code}"
    return [line for line in lines if line.startswith(("Error", "Warning"))]


def read_with_dcmqi(path: Path, folder: Path) -> np.ndarray | str:
    """Pixels ``(files, Rows, Columns)`` as dcmqi writes them for 3D Slicer, or the reason why it does not."""
    code, lines = run_reader(SEGIMAGE2ITKIMAGE, "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd")
    if code != 0:
        return next((line.strip() for line in lines if "missing" in line), lines[-1])
    return np.concatenate(
        [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file)) for file in sorted(folder.glob("*.nrrd"))]
    )


def read_with_simpleitk(path: Path, folder: Path) -> np.ndarray | str:
    """Pixels ``(frames, Rows, Columns)`` in a process of its own, or the last line of its error."""
    code, lines = run_reader(sys.executable, "-c", READ_WITH_SIMPLEITK, path, folder / "pixels.npy")
    return np.load(folder / "pixels.npy") if code == 0 else " ".join(lines[-3:])
