"""Where the label files of one datastore lie, below the folder of its state."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from mammoseg.border import refused_as
from mammoseg.data.grid import Grid, read_grid
from mammoseg.data.mammogram import detect_file_format
from mammoseg.data.pictures import load_nifti
from mammoseg.dicom.read import read_dicom_mask, read_header
from mammoseg.errors import InputRefusedError
from mammoseg.files import hash_file, remove_leftovers, write_json
from monailabel_app.lib.datastore.human import find_human_label
from monailabel_app.lib.datastore.index import LabelRow
from monailabel_app.lib.datastore.label_images import write_label
from monailabel_app.lib.datastore.masses import DrawnMass, build_label_map, separate_masses
from monailabel_app.lib.datastore.segmentation import read_drawn, write_drawn
from monailabel_app.lib.datastore.set_aside import SetAside
from monailabel_app.lib.datastore.spool import Entry
from monailabel_app.lib.datastore.work import MANUAL, name_algorithm_type

logger = logging.getLogger(__name__)

SAVED = "saved"
"""Source, in the index, of labels that are nowhere but here."""


@dataclass(frozen=True)
class AboutPicture:
    """What stands beside the label of a picture, as JSON.

    Attributes:
        image_id, seconds: image and time of the label.
        algorithm_type: ``MANUAL`` or ``SEMIAUTOMATIC``, as a segment of a SEG would say it.
        helped_by: names and versions of the models that helped.
        assessments: one for each mass, whose numbers are the values of the label from 1 on; None in a label of an
            earlier version, which does not tell masses apart.
        image_file, image_sha256: path and digest of the picture; a label of an earlier version has no digest.
    """

    image_id: str
    seconds: float
    algorithm_type: str = MANUAL
    helped_by: Sequence[str] = ()
    assessments: Sequence[str] | None = None
    image_file: str = ""
    image_sha256: str = ""


ABOUT_PICTURE = TypeAdapter(AboutPicture)


@dataclass(frozen=True)
class LabelFiles:
    """Files of labels.

    ``final/<label id>.dcm`` are SEGs. A picture has no header that a SEG could derive from, so its label is
    ``final/<label id>.nii.gz``, whose values are the numbers of the masses, and ``.json`` beside it says of which
    image. ``masks/`` holds the mask of each label as NIfTI, made when first asked for, ``original/`` a model's output
    for each image, ``withdrawn/`` a note for each label that counts no more.

    Attributes:
        set_aside: function that gets what is found in ``final/`` and is no label.
    """

    folder: Path
    set_aside: SetAside

    def __post_init__(self) -> None:
        for name in ("final", "masks", "original", "withdrawn"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.folder / name)

    def locate_segmentation(self, label_id: str) -> Path:
        """The SEG of a label."""
        return self.folder / "final" / f"{label_id}.dcm"

    def locate_original(self, image_id: str) -> Path:
        """What a model drew on an image."""
        return self.folder / "original" / f"{image_id}.nii.gz"

    def is_written(self, label_id: str) -> bool:
        """Whether a label is here, whole."""
        return self.locate_segmentation(label_id).exists() or self._locate_picture_label(label_id).exists()

    def write(self, masses: Sequence[DrawnMass], image: Path, entry: Entry) -> None:
        """Write the label of an entry; when this returns it is on disk.

        Args:
            masses: on the grid of the image; none says that there is no mass.
            image: file of the image.
            entry: id, image and author of the label.

        Raises:
            InputRefusedError: the image's header is not fit to derive a SEG from.
        """
        if detect_file_format(image) == "DICOM":
            path = self.locate_segmentation(entry.label_id)
            write_drawn(
                path,
                masses,
                image,
                proposals=entry.work.proposals,
                label_id=entry.label_id,
                seconds=entry.seconds,
                user=entry.user,
            )
            return
        grid = read_grid(image)
        labels = build_label_map([mass.mask for mass in masses], grid.shape)
        helpers = entry.work.list_helpers(labels > 0)
        assessments = [mass.assessment for mass in masses]
        kind = name_algorithm_type(helpers)
        digest = hash_file(image)
        about = AboutPicture(entry.image_id, entry.seconds, kind, helpers, assessments, str(image), digest)
        write_json(self._locate_about(entry.label_id), asdict(about))
        write_label(self._locate_picture_label(entry.label_id), labels, grid)

    def read_masses(self, label: LabelRow, segmentation: Path) -> list[DrawnMass]:
        """The masses of a label, each by itself.

        Args:
            segmentation: path where its SEG is; not read for a picture.

        Raises:
            InputRefusedError: it cannot be read.
        """
        if (drawn := self._locate_picture_label(label.label_id)).exists():
            return separate_masses(_load_label_map(drawn), self._read_about(label.label_id).assessments)
        return read_drawn(segmentation, _parse_segments(label))

    def write_mask_file(self, label: LabelRow, segmentation: Path, image: Path) -> Path:
        """Write the mask of a label as NIfTI on the grid of its image, where it is not there yet.

        Args:
            segmentation: path where its SEG is; not read for a picture.

        Raises:
            InputRefusedError: the SEG cannot be read, or is of another size than the image.
        """
        path, grid = self._locate_mask(label.label_id), read_grid(image)
        if path.exists():
            _check_shape(_load_label_map(path), grid)  # the file of the image may be another since
            return path
        if (drawn := self._locate_picture_label(label.label_id)).exists():
            mask = _load_label_map(drawn) > 0
        else:
            mask = read_dicom_mask(segmentation, segments=_parse_segments(label) or None)
        _check_shape(mask, grid)
        return write_label(path, mask, grid)

    def is_of(self, label_id: str, picture: Path) -> bool:
        """Whether a label is here and was drawn on this picture: by its digest; by its size where the label has none.

        Raises:
            InputRefusedError, OSError: the label or the picture cannot be read.
        """
        if not self.is_written(label_id):
            return False
        with refused_as("E_LABEL", "what stands beside a label cannot be read."):
            digest = self._read_about(label_id).image_sha256
        if digest:
            return digest == hash_file(picture)
        return _load_label_map(self._locate_picture_label(label_id)).shape == read_grid(picture).shape

    def set_stranger_aside(self, label_id: str) -> None:
        """Keep a label apart whose picture was replaced by another one of its name."""
        reason = (
            "it was drawn on another picture than the one that now has its name. To have it again put that one back"
        )
        way_out = "and the files of the label into labels/final, and start the server anew."
        self.set_aside.take(label_id, self._list_files(label_id), f"{reason}, {way_out}")
        self._locate_mask(label_id).unlink(missing_ok=True)

    def remove(self, label_id: str) -> None:
        """Remove a label whose saving failed."""
        for path in self._list_files(label_id):
            path.unlink(missing_ok=True)

    def note_withdrawn(self, label_id: str, about: Mapping[str, Any]) -> None:
        """Write down that a label counts no more."""
        write_json(self.folder / "withdrawn" / f"{label_id}.json", dict(about))

    def is_withdrawn(self, label_id: str) -> bool:
        """Whether it counts no more."""
        return (self.folder / "withdrawn" / f"{label_id}.json").exists()

    def find_again(self, known: set[str]) -> list[LabelRow]:
        """Labels that are here and not in `known`, as after the index was lost; what is none is set aside."""
        found = []
        for path in sorted((self.folder / "final").iterdir()):
            label_id = path.name.removesuffix(".dcm").removesuffix(".nii.gz")
            if label_id in known or path.suffix not in (".dcm", ".gz") or self.is_withdrawn(label_id):
                continue
            try:
                with refused_as("E_LABEL", "a file in the store is no label of ours."):
                    row = self._read_picture_row(label_id) if path.suffix == ".gz" else require_label_row(path, SAVED)
            except InputRefusedError as error:  # a file of any form must not keep the server from starting
                reason = f"{path.name} is no label of ours ({error.code})."
                self.set_aside.take(label_id, self._list_files(label_id), reason)
                continue
            found += [row] if row else []
        return found

    def _read_picture_row(self, label_id: str) -> LabelRow:
        about = self._read_about(label_id)
        return LabelRow(label_id, about.image_id, SAVED, seconds=about.seconds)

    def _read_about(self, label_id: str) -> AboutPicture:
        return ABOUT_PICTURE.validate_json(self._locate_about(label_id).read_bytes())

    def _list_files(self, label_id: str) -> tuple[Path, ...]:
        return self.locate_segmentation(label_id), self._locate_picture_label(label_id), self._locate_about(label_id)

    def _locate_mask(self, label_id: str) -> Path:
        return self.folder / "masks" / f"{label_id}.nii.gz"

    def _locate_picture_label(self, label_id: str) -> Path:
        return self.folder / "final" / f"{label_id}.nii.gz"

    def _locate_about(self, label_id: str) -> Path:
        return self.folder / "final" / f"{label_id}.json"


def _parse_segments(label: LabelRow) -> list[int]:
    """Numbers of the segments that a person drew; none where all are."""
    return [int(number) for number in label.segments.split(",") if number]


def _check_shape(mask: np.ndarray, grid: Grid) -> None:
    if mask.shape != grid.shape:
        raise InputRefusedError("E_LABEL", f"the label is {mask.shape}, its image {grid.shape} (rows, columns).")


def _load_label_map(label: Path) -> np.ndarray:
    """The label map of a picture, ``(rows, columns)``."""
    array = load_nifti(label).array
    return array.reshape(array.shape[:2]).T


def read_label_row(segmentation: Path, source: str) -> LabelRow | None:
    """What the index keeps of a SEG that counts as a person's label; None when it does not, or cannot be read."""
    try:
        return require_label_row(segmentation, source)
    except InputRefusedError as error:
        logger.warning("a segmentation is left out: %s", error.code)
        return None


def require_label_row(segmentation: Path, source: str) -> LabelRow | None:
    """The same, of a file that has to be one.

    Raises:
        InputRefusedError: it cannot be read.
    """
    label = find_human_label(read_header(segmentation))
    if label is None:
        return None
    segments = ",".join(str(number) for number in label.segments)
    return LabelRow(label.label_id, label.image_id, source, label.series, label.seconds, segments)
