"""A bundle behind MONAI Label's `InferTask`: a mammogram in; a mask, what it holds and a DICOM SEG out."""

import logging
import os
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import nrrd
import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from scipy import ndimage

from mammoseg.data.grid import Grid, read_grid
from mammoseg.data.mammogram import detect_file_format
from mammoseg.dicom import measure
from mammoseg.dicom.algorithm import Assistance
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.read import load_header
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import header_refused, write_object
from mammoseg.errors import InputRefusedError
from mammoseg.inference.lesions import find_scale
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.prediction.file_job import compute_area_mm2
from monailabel_app.lib.datastore.label_images import encode_label
from monailabel_app.lib.datastore.work import Proposal
from monailabel_app.lib.models.discover import ModelNotReadyError
from monailabel_app.lib.models.run import PROPOSAL
from monailabel_app.lib.models.serving import Segmented, ServedModel
from monailabel_app.lib.params import EXTENSIONS, read_params

logger = logging.getLogger(__name__)

LABELS = {"mass": 1}
"""Names and values of the mask."""

BOX = "roi"
"""Parameter with a box around a mass, as the clients of MONAI Label have it; see docs/label.md."""

NEEDS_BOX = "Needs a box around the mass (roi), and looks nowhere else"

WEIGHTS_FACTS = ("weights_file", "weights_sha256", "trained_on", "warning")
"""What is said of the weights, in the list of models and with each mask; see `mammoseg.inference.algorithm`."""


class MassInferTask(InferTask):
    """One model of the app.

    Args:
        model: model that answers.
        preload: load the weights now; where they cannot be, the log says why and so does every request.
    """

    def __init__(self, model: ServedModel, *, preload: bool = False) -> None:
        super().__init__(
            type=InferType.SEGMENTATION,
            labels=LABELS,
            dimension=2,
            description=f"{model.entry.description}; research only, not for diagnosis",
            config={"threshold": ""},
        )
        self.model = model
        if preload and self.is_valid():
            try:
                model.load_predictor()
            except ModelNotReadyError as error:
                logger.error("%s", error)

    def info(self) -> dict[str, Any]:
        """As MONAI Label's, with the version that is served and what must be said of it."""
        version = self.model.versions.read_current()
        facts = dict.fromkeys(WEIGHTS_FACTS) | self.model.describe_weights(version)
        said = [self.description, *([NEEDS_BOX] if self.prompts else []), *filter(None, [facts["warning"]])]
        return {
            **super().info(),
            "description": ". ".join(said),
            "version": self.model.entry.version,
            "weights": None if version is None else version.number,
            **facts,
        }

    @property
    def prompts(self) -> tuple[str, ...]:
        """Names of parameters that no table of options shows: the box that weights of patches need."""
        return (BOX,) if self.model.needs_box() else ()

    @property
    def warning(self) -> str | None:
        """What must be said with all that the served version draws."""
        return self.model.describe_weights(self.model.versions.read_current()).get("warning")

    def is_valid(self) -> bool:
        """Whether there are weights."""
        return self.model.versions.read_current() is not None

    def __call__(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Segment ``request["image"]``, a file.

        Returns:
            Path of the mask, uint8 0 / 1 in a file of its own that the caller removes; and what it holds, see
            `describe`.
        Raises:
            InputRefusedError: a parameter is out of range, the file cannot be used, the network gave no probability, or
                a box is needed and there is none.
            ModelNotReadyError: there are no weights that can be used.
        """
        begin = time.perf_counter()
        suffix = read_extension(request)
        path = Path(request["image"])
        with no_header_values_in_warnings():
            found = self.model.segment(path, read_threshold(request), **read_params(request, self.prompts))
            grid = read_grid(path) if detect_file_format(path) == "DICOM" else _find_grid(path, found.probability.shape)
        start = time.perf_counter()
        file = write_temporary(found.mask, grid, suffix)
        seconds = {**found.seconds, "write": time.perf_counter() - start, "total": time.perf_counter() - begin}
        return str(file), {
            "label_names": LABELS,
            **describe(found),
            "model": self.model.entry.bundle,
            "latencies": {name: round(value, 4) for name, value in seconds.items()},
            **(_build_proposal(found) if request.get(PROPOSAL) else {}),
        }

    def find_masses(self, image: Path | str) -> tuple[list[np.ndarray], Proposal]:
        """Masses in a file, each bool ``(rows, columns)``, largest first, and what a label says of the model.

        Raises:
            InputRefusedError, ModelNotReadyError: see `__call__`.
        """
        with no_header_values_in_warnings():
            found = self.model.segment(Path(image))
        return list(found.lesions), _build_proposal(found)[PROPOSAL]

    def encode_segmentation(self, image: Path | str, request: Mapping[str, Any] | None = None) -> bytes:
        """A DICOM SEG of the masses, as `mammoseg predict` writes it.

        Args:
            image: path of a DICOM file.
            request: parameters of the client.
        Raises:
            InputRefusedError: also where the file is no DICOM, for a SEG refers to a DICOM instance.
            ModelNotReadyError: see `__call__`.
        """
        path = Path(image)
        if detect_file_format(path) != "DICOM":
            raise InputRefusedError("E_NOT_DICOM", "the image is no DICOM file, so no DICOM object can refer to it.")
        with no_header_values_in_warnings():
            asked = request or {}
            found = self.model.segment(path, read_threshold(asked), **read_params(asked, self.prompts))
            return encode_segmentation(found)


def encode_segmentation(found: Segmented) -> bytes:
    """Bytes of the DICOM SEG of what was found in a DICOM file.

    Raises:
        InputRefusedError: the header breaks rules that a result must keep.
    """
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with header_refused():
        analysis = Analysis(load_header(found.mammogram), found.lesions, found.algorithm, now, found.probability)
        dataset = build_segmentation(analysis)
    with tempfile.TemporaryDirectory(prefix="mammoseg-") as folder:
        write_object(dataset, Path(folder) / "mass.seg.dcm")
        return (Path(folder) / "mass.seg.dcm").read_bytes()


def _build_proposal(found: Segmented) -> dict[str, Proposal]:
    """What a label says of the model, if a person takes its outline."""
    algorithm = found.algorithm
    by = Assistance(algorithm.name, algorithm.version, algorithm.parameters)
    return {PROPOSAL: Proposal(by, RunLengths.from_mask(found.mask))}


def describe(found: Segmented) -> dict[str, Any]:
    """Plain JSON values: centroids are (column, row) in pixels of the stored grid, from 0; areas in the breast."""
    scale = find_scale(found.mammogram)
    return {
        "lesion_count": len(found.lesions),
        "lesions": [_describe_lesion(lesion, found, scale) for lesion in found.lesions],
        "score_kind": found.algorithm.score_kind,
        "area_mm2": compute_area_mm2(found.lesions, found.mammogram),
        "max_probability": round(float(found.probability.max()), 6),
        "threshold": found.algorithm.threshold,
        "version": found.version,
        "boxes": found.algorithm.boxes,
        "engine": found.algorithm.engine,
        "precision": found.algorithm.precision,
        **{name: getattr(found.algorithm, name) for name in WEIGHTS_FACTS},
    }


def read_threshold(request: Mapping[str, Any]) -> float | None:
    """The threshold that a client asks for; None where it asks for none.

    Raises:
        InputRefusedError: ``E_PARAMS``, no number above 0 and below 1.
    """
    return read_params(request, ["threshold"]).get("threshold")


def read_extension(request: Mapping[str, Any]) -> str:
    """Kind of file that a client asks for, with or without the dot.

    Raises:
        InputRefusedError: ``E_PARAMS``, an unknown one.
    """
    return read_params(request, ["result_extension"]).get("result_extension", EXTENSIONS[0])


def write_temporary(mask: np.ndarray, grid: Grid, suffix: str) -> Path:
    """Write a mask ``(rows, columns)`` as a new temporary file that only this user can read, from its begin on.

    Raises:
        OSError: the disk is full.
    """
    handle, name = tempfile.mkstemp(prefix="mammoseg-", suffix=suffix)
    os.close(handle)
    path, pixels = Path(name), mask.astype(np.uint8)
    try:
        match suffix:
            case ".png":
                path.write_bytes(cv2.imencode(".png", pixels * 255)[1].tobytes())
            case ".nrrd":
                nrrd.write(name, pixels.T[..., np.newaxis], _build_nrrd_header(grid), compression_level=1)
            case _:
                path.write_bytes(encode_label(mask, grid))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _build_nrrd_header(grid: Grid) -> dict[str, Any]:
    return {
        "space": "left-posterior-superior",
        "space directions": grid.affine[:3, :3].T,
        "space origin": grid.affine[:3, 3],
        "encoding": "gzip",
        "endian": "little",
    }


def _find_grid(path: Path, shape: tuple[int, ...]) -> Grid:
    """That of a picture, without decoding it again."""
    return read_grid(path) if detect_file_format(path) == "NIfTI" else Grid((shape[0], shape[1]), np.eye(4))


def _describe_lesion(lesion: np.ndarray, found: Segmented, scale: measure.Scale | None) -> dict[str, Any]:
    ((rows, columns),) = ndimage.find_objects(lesion.astype(np.uint8))
    part = lesion[rows, columns]
    row, column = ndimage.center_of_mass(part)
    pixels = int(np.count_nonzero(part))
    return {
        "area_pixels": pixels,
        "area_mm2": None if scale is None else round(pixels * scale.row_mm * scale.column_mm, 3),
        "centroid": [round(column + columns.start, 2), round(row + rows.start, 2)],
        "max_probability": round(float(found.probability[rows, columns][part].max()), 6),
        "score": round(found.algorithm.score(found.probability, lesion), 6),
    }
