"""mini-MIAS (Suckling et al. 1994): masses marked by circles; docs/datasets/mias.md."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.draw import disk
from tqdm import tqdm

from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import NO_MASSES, IngestJob
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.mask_files import write_masses
from mammoseg.data.splits import SEVERITY
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.folders import is_file, leads_out, list_files_below

LICENSE = "research only, no clinical use, under the agreement of MIAS; mini-MIAS, cite Suckling et al. 1994"

TABLE = "info.txt"
"""Its name in small letters."""

MOST_BYTES = 2**20
"""Largest table that is read; the real one has 20 kB."""

SIDE = 1024
"""Rows and columns of every image."""

PIXEL_MM = 0.2

MASSES = ("CIRC", "SPIC", "MISC")
"""Classes of abnormalities that are masses: well-defined, spiculated, ill-defined."""

LINE = re.compile(
    r"(mdb(\d{3}))\w*\s+[FGD]\s+(NORM|(CALC|CIRC|SPIC|MISC|ARCH|ASYM)\s+([BM])(?:\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4}))?)\b.*"
)
PATHOLOGY = {"B": "BENIGN", "M": "MALIGNANT", None: "NORMAL"}


@dataclass(frozen=True)
class MiasFinding:
    """One line of the table.

    Attributes:
        kind: class of the abnormality; None for a normal image.
        severity: ``B``, ``M``, or None for a normal image.
        circle: x and y of its centre and its radius in pixels, y counted from the lowest row; None where not known.
    """

    kind: str | None
    severity: str | None
    circle: tuple[int, int, int] | None

    def fill(self) -> np.ndarray:
        """The circle as mask uint8 0 / 1 ``(SIDE, SIDE)``, rows counted from the top.

        Raises:
            InputRefusedError: ``E_NO_PLACE``, nobody said where the mass is, or outside of the image.
        """
        if self.circle is None:
            raise InputRefusedError("E_NO_PLACE", "the table has a mass without its place, so the image has no truth.")
        x, y, radius = self.circle
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[disk((SIDE - y, x), radius, shape=mask.shape)] = 1
        if not mask.any():
            raise InputRefusedError("E_NO_PLACE", "the circle of a mass encloses no pixel of its image.")
        return mask


def collect(job: IngestJob) -> list[Record]:
    """Records of all images that the table names; a label is the circles around masses, filled.

    Raises:
        WrongCallError: an input is no folder, or there is no table below it.
    """
    files = [
        path for folder in job.require_folders() for path in list_files_below(folder) if not leads_out(path, folder)
    ]
    findings = read_findings(files)
    images = {path.stem: path for path in files if path.suffix.lower() == ".pgm"}
    for name in sorted(images.keys() - findings.keys()):
        job.report.skip("images without a line in the table", images[name].name)
    records = []
    for name, found in tqdm(sorted(findings.items()), desc="mias", unit="image", disable=None):
        try:
            if name not in images:
                raise InputRefusedError("E_IMAGE_MISSING", f"there is no {name}.pgm below the input.")
            records.append(_build_record(job, name, images[name], found))
        except InputRefusedError as error:
            job.report.refuse(error, f"{name}.pgm")
    return records


def read_findings(files: Iterable[Path]) -> dict[str, list[MiasFinding]]:
    """Findings by image, out of ``Info.txt``; the explanations around its lines are passed over.

    Raises:
        WrongCallError: it is not among the files, or has no line of an image.
    """
    table = next((path for path in files if path.name.lower() == TABLE), None)
    if table is None or not is_file(table) or table.stat().st_size > MOST_BYTES:
        raise WrongCallError("no 'Info.txt' of mini-MIAS below the input; put it beside the images.")
    found: dict[str, list[MiasFinding]] = {}
    for line in table.read_text(encoding="latin-1").splitlines():
        if match := LINE.fullmatch(line.strip()):
            name, _, _, kind, severity, *circle = match.groups()
            place = (int(circle[0]), int(circle[1]), int(circle[2])) if circle[0] else None
            found.setdefault(name, []).append(MiasFinding(kind, severity, place))
    if not found:
        raise WrongCallError(f"{table} has no line such as 'mdb001 G CIRC B 535 425 197'; fetch it again.")
    return found


def _build_record(job: IngestJob, name: str, path: Path, findings: list[MiasFinding]) -> Record:
    shape = read_mammogram(path).pixels.shape
    if shape != (SIDE, SIDE):
        raise InputRefusedError("E_SHAPE", f"the image is {shape[0]} x {shape[1]}; the circles are for 1024 x 1024.")
    masses = [finding for finding in findings if finding.kind in MASSES]
    for finding in findings:
        if finding.kind is not None and finding.kind not in MASSES:
            job.report.note(f"{NO_MASSES}: {finding.kind}", name)
    number = int(name[3:])
    pathologies = [PATHOLOGY[finding.severity] for finding in masses or findings]
    return {
        "image_id": name,
        "image": path,
        **write_masses(job.made / "masks", name, [mass.fill() for mass in masses], shape=(SIDE, SIDE)),
        "patient_id": f"mias{(number + 1) // 2:03d}",
        "laterality": "R" if number % 2 else "L",
        "view": "MLO",
        "pathology": max(pathologies, key=SEVERITY.__getitem__),
        "pixel_spacing_mm": [PIXEL_MM, PIXEL_MM],
        "pixel_spacing_source": "documentation of mini-MIAS",
    }
